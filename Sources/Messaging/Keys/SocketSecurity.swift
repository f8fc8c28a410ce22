/// Whether and how a socket's connections are encrypted and its peers authenticated.
public enum SocketSecurity: Sendable, Equatable {
  /// Plaintext: anybody who reaches the socket.
  case none
  /// A listening socket: peers on the allow-list alone.
  case server(KeyPair, AllowList)
  /// A connecting socket: speaks with the owner of the server's key alone.
  case client(KeyPair, server: PublicKey)

  /// Who may speak to a listening socket; `nil` where anybody may.
  var allowList: AllowList? {
    if case .server(_, let list) = self { return list }
    return nil
  }
}
