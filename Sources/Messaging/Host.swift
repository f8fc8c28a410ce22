import Glibc

/// The host part of a TCP address, in canonical form.
enum Host: Hashable, Sendable {
  /// All interfaces of this machine: `*` or 0.0.0.0.
  case any
  case ipv4(String)
  /// The shortest form of the address, and the zone (an interface) of a link-local one.
  case ipv6(String, zone: String?)
  /// A host name, or an interface's name when one listens.
  case name(String)

  /// A host from its text, IPv6 without brackets; `nil` if it is none.
  init?(_ text: String) {
    if text == "*" || text == "0.0.0.0" {
      self = .any
    } else if text.utf8.contains(UInt8(ascii: ":")) {
      guard let host = Self.parseIPv6(text) else { return nil }
      self = host
    } else if text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }) {
      // Only digits and dots: four octets or nothing, lest a resolver reads "127.1" or octal.
      guard let address = Self.canonical(text, family: AF_INET), address == text else { return nil }
      self = .ipv4(address)
    } else {
      guard Self.isName(text) else { return nil }
      self = .name(text.lowercased())
    }
  }

  /// The text without brackets.
  var text: String {
    switch self {
    case .any: "*"
    case .ipv4(let address): address
    case .ipv6(let address, let zone): zone.map { "\(address)%\($0)" } ?? address
    case .name(let name): name
    }
  }

  /// The text as it stands before a port.
  var bracketed: String { isIPv6 ? "[\(text)]" : text }

  var isIPv6: Bool {
    if case .ipv6 = self { return true }
    return false
  }

  /// Whether it stands for every interface, so that nobody can connect to it.
  var isWildcard: Bool { self == .any || self == .ipv6("::", zone: nil) }

  var isLoopback: Bool {
    switch self {
    case .any: false
    case .ipv4(let address): address.hasPrefix("127.")
    // inet_ntop writes an IPv4 address inside an IPv6 one with dots.
    case .ipv6(let address, _): address == "::1" || address.hasPrefix("::ffff:127.")
    case .name(let name): name == "localhost"
    }
  }

  private static func parseIPv6(_ text: String) -> Host? {
    let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, let address = canonical(String(first), family: AF_INET6) else {
      return nil
    }
    guard parts.count == 2 else { return .ipv6(address, zone: nil) }
    let zone = String(parts[1])
    return isName(zone) ? .ipv6(address, zone: zone) : nil
  }

  /// The system's own reading and writing of an address.
  private static func canonical(_ text: String, family: Int32) -> String? {
    var bytes = [UInt8](repeating: 0, count: 16)
    guard inet_pton(family, text, &bytes) == 1 else { return nil }
    var characters = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard inet_ntop(family, bytes, &characters, socklen_t(characters.count)) != nil else {
      return nil
    }
    return String(
      decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Labels of 1 to 63 letters, digits, `-` and `_`, joined by dots, 253 bytes in all.
  private static func isName(_ text: String) -> Bool {
    guard (1...253).contains(text.utf8.count) else { return false }
    let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return labels.allSatisfy { label in
      (1...63).contains(label.count)
        && label.allSatisfy { byte in
          switch byte {
          case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
          default: false
          }
        }
    }
  }
}
