/// Which addresses are on the public internet.

internal import Foundation
internal import NIOCore

/// Tells addresses that a request on a user's behalf may go to from those of this machine and of
/// the networks that it stands in. IANA's special-purpose registries (RFC 6890).
enum PublicAddress {
  static func isPublic(_ address: SocketAddress) -> Bool {
    switch address {
    case .v4(let v4):
      let value = UInt32(bigEndian: v4.address.sin_addr.s_addr)
      return isPublic(v4: value)
    case .v6(let v6):
      return withUnsafeBytes(of: v6.address.sin6_addr) { isPublic(v6: Array($0)) }
    case .unixDomainSocket:
      return false
    }
  }

  private static let reservedV4: [(network: UInt32, bits: UInt32)] = [
    (0x0000_0000, 8), (0x0A00_0000, 8), (0x6440_0000, 10), (0x7F00_0000, 8), (0xA9FE_0000, 16),
    (0xAC10_0000, 12), (0xC000_0000, 24), (0xC000_0200, 24), (0xC058_6300, 24),
    (0xC0A8_0000, 16), (0xC612_0000, 15), (0xC633_6400, 24), (0xCB00_7100, 24),
    (0xE000_0000, 3),
  ]

  static func isPublic(v4 address: UInt32) -> Bool {
    !reservedV4.contains { address >> (32 - $0.bits) == $0.network >> (32 - $0.bits) }
  }

  /// - Parameter bytes: 16 bytes in network order.
  static func isPublic(v6 bytes: [UInt8]) -> Bool {
    func embedded(at start: Int) -> UInt32 {
      bytes[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
    // ::ffff:a.b.c.d, and the translations 64:ff9b::a.b.c.d and 2002:ab:cd::, reach IPv4.
    if bytes.prefix(10).allSatisfy({ $0 == 0 }) && bytes[10] == 0xFF && bytes[11] == 0xFF {
      return isPublic(v4: embedded(at: 12))
    }
    if bytes.starts(with: [0x00, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0]) {
      return isPublic(v4: embedded(at: 12))
    }
    if bytes.starts(with: [0x20, 0x02]) { return isPublic(v4: embedded(at: 2)) }
    // Global unicast is 2000::/3; 2001::/23 is for protocols, 2001:db8::/32 and 3fff::/20 are
    // for documentation.
    guard bytes[0] & 0xE0 == 0x20 else { return false }
    if bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] <= 0x01 { return false }
    if bytes.starts(with: [0x20, 0x01, 0x0D, 0xB8]) { return false }
    return !(bytes[0] == 0x3F && bytes[1] == 0xFF && bytes[2] & 0xF0 == 0)
  }
}
