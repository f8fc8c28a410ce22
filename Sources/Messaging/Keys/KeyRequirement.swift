extension Address {
  /// Throws `.notLoopback` if other machines can reach the address and neither keys nor `insecure`
  /// allow it.
  public func requireKeys(_ hasKeys: Bool, unless insecure: Bool) throws(MessagingError) {
    guard !hasKeys, !insecure, !isLoopback else { return }
    throw MessagingError(
      .notLoopback, "\(self) can be reached from other machines, and there are no keys",
      remedy: "Make keys with `chatspot keys make` and pass --keys, use 127.0.0.1, or pass "
        + "--insecure if you trust everybody on that network")
  }
}
