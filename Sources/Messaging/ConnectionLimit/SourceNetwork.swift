import Glibc

/// Where a connection comes from, as far as a listening socket tells hosts apart: by IPv4 address,
/// and by IPv6 network of 64 bits, as whoever has one address of such a network has all.
enum SourceNetwork: Hashable {
  case ipv4(UInt32)
  case ipv6(network: UInt64)

  /// How IPv6 writes an IPv4 address begins (RFC 4291, section 2.5.5.2).
  private static let mapped = [UInt8](repeating: 0, count: 10) + [0xff, 0xff]

  /// The other end of a connected descriptor; `nil` where it has gone already or is not on TCP.
  init?(peerOf descriptor: Int32) {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let found = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &size) }
    }
    guard found == 0 else { return nil }
    let bytes = withUnsafeBytes(of: storage) { [UInt8]($0) }
    switch Int32(storage.ss_family) {
    case AF_INET:
      self.init(ipv4: bytes[MemoryLayout<sockaddr_in>.offset(of: \.sin_addr)!...])
    case AF_INET6:
      let address = bytes[MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr)!...].prefix(16)
      // An IPv4 peer of a socket that listens on both families arrives as IPv4.
      if address.prefix(12).elementsEqual(Self.mapped) {
        self.init(ipv4: address.dropFirst(12))
      } else {
        self = .ipv6(network: address.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
      }
    default: return nil
    }
  }

  private init(ipv4 address: ArraySlice<UInt8>) {
    self = .ipv4(address.prefix(4).reduce(0) { $0 << 8 | UInt32($1) })
  }
}

extension SourceNetwork: CustomStringConvertible {
  var description: String {
    switch self {
    case .ipv4(let address):
      return (0..<4).map { String(address >> (24 - 8 * $0) & 0xff) }.joined(separator: ".")
    case .ipv6(let network):
      let groups = (0..<4).map { String(network >> (48 - 16 * $0) & 0xffff, radix: 16) }
      return groups.joined(separator: ":") + "::/64"
    }
  }
}
