/// Making sockets.
extension Reactor {
  /// A new socket served by this reactor; to be called on the reactor's thread, as from an actor
  /// whose executor it is.
  ///
  /// Throws `.invalidOption`, `.closed` once the reactor or the context has ended, `.system`.
  public func makeSocket(
    _ kind: SocketKind, options: SocketOptions = SocketOptions(),
    context: MessagingContext = .shared
  ) throws(MessagingError) -> Socket {
    preconditionIsCurrent()
    guard !loop.isStopping else {
      throw MessagingError(.closed, "The reactor \(name) has been shut down")
    }
    let socket = try Socket(kind: kind, options: options, context: context, reactor: self)
    loop.add(socket)
    return socket
  }
}
