import CZeroMQ
import Glibc

/// A program for the kernel that drops what would open connections from some sources, at a
/// listening descriptor: classic BPF, for which nobody needs privileges (socket(7)).
///
/// A connection that stands is not touched. One that is dropped is tried again by its side's
/// kernel, after a second at first. An accepted connection inherits the listener's program, which
/// does not concern it: it has just let that connection in.
struct SourceFilter: Equatable {
  var everybody = false
  var sources: Set<SourceNetwork> = []

  /// Whether nobody is dropped, and no program needed.
  var isEmpty: Bool { !everybody && sources.isEmpty }

  /// Puts the program in place of the one before. A kernel that takes none lets everybody in.
  func attach(to descriptor: Int32) {
    // There may be no program to be taken off.
    func detach() { _ = setsockopt(descriptor, SOL_SOCKET, SO_DETACH_FILTER, [Int32(0)], 4) }
    guard !isEmpty else { return detach() }
    if set(at: descriptor) { return }
    // While there are two, they may need more memory than a socket may have for options.
    detach()
    _ = set(at: descriptor)
  }

  private func set(at descriptor: Int32) -> Bool {
    var program = self.program
    return program.withUnsafeMutableBufferPointer { instructions in
      var whole = sock_fprog(len: UInt16(instructions.count), filter: instructions.baseAddress)
      let size = socklen_t(MemoryLayout<sock_fprog>.size)
      return setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &whole, size) == 0
    }
  }

  /// The number of bytes of a packet to keep.
  private static let drop: UInt32 = 0
  private static let keep = UInt32.max

  private var program: [sock_filter] {
    if everybody { return [Self.answer(Self.drop)] }
    var ipv4: [sock_filter] = [Self.load(offset: 12)]
    var ipv6: [sock_filter] = []
    for source in sources {
      switch source {
      case .ipv4(let address):
        ipv4 += [Self.skip(1, unless: address), Self.answer(Self.drop)]
      case .ipv6(let network):
        ipv6 += [
          Self.load(offset: 8), Self.skip(3, unless: UInt32(network >> 32)),
          Self.load(offset: 12), Self.skip(1, unless: UInt32(truncatingIfNeeded: network)),
          Self.answer(Self.drop),
        ]
      }
    }
    ipv4.append(Self.answer(Self.keep))
    ipv6.append(Self.answer(Self.keep))
    // The upper half of an IP header's first byte is its version.
    let version = [
      Self.instruction(BPF_LD | BPF_B | BPF_ABS, UInt32(bitPattern: SKF_NET_OFF)),
      Self.instruction(BPF_ALU | BPF_AND | BPF_K, 0xf0),
      Self.skip(UInt8(ipv4.count), unless: 0x40),
    ]
    return version + ipv4 + ipv6
  }

  /// Takes four bytes of the IP header.
  private static func load(offset: UInt32) -> sock_filter {
    instruction(BPF_LD | BPF_W | BPF_ABS, UInt32(bitPattern: SKF_NET_OFF) + offset)
  }

  private static func skip(_ count: UInt8, unless value: UInt32) -> sock_filter {
    sock_filter(code: UInt16(BPF_JMP | BPF_JEQ | BPF_K), jt: 0, jf: count, k: value)
  }

  private static func answer(_ bytes: UInt32) -> sock_filter {
    instruction(BPF_RET | BPF_K, bytes)
  }

  private static func instruction(_ code: Int32, _ value: UInt32) -> sock_filter {
    sock_filter(code: UInt16(code), jt: 0, jf: 0, k: value)
  }
}
