/// Bounded reads of numbers from a part of a file. A read beyond the part is `nil`, never a trap.
struct ByteView {
  private let bytes: [UInt8]
  private let start: Int
  let count: Int

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    start = 0
    count = bytes.count
  }

  private init(bytes: [UInt8], start: Int, count: Int) {
    self.bytes = bytes
    self.start = start
    self.count = count
  }

  /// The part from `offset` on, at most `length` bytes; empty where `offset` lies outside.
  func part(from offset: Int, length: Int = .max) -> ByteView {
    let begin = min(max(offset, 0), count)
    let size = min(max(length, 0), count - begin)
    return ByteView(bytes: bytes, start: start + begin, count: size)
  }

  var slice: ArraySlice<UInt8> { bytes[start..<start + count] }

  func starts(with text: String) -> Bool { slice.starts(with: text.utf8) }

  func byte(_ offset: Int) -> Int? {
    offset >= 0 && offset < count ? Int(bytes[start + offset]) : nil
  }

  /// An unsigned number of `width` ≤ 4 bytes.
  func number(at offset: Int, width: Int, bigEndian: Bool) -> Int? {
    guard offset >= 0, offset <= count - width else { return nil }
    return (0..<width).reduce(0) { value, index in
      value << 8 | Int(bytes[start + offset + (bigEndian ? index : width - 1 - index)])
    }
  }

  func big16(_ offset: Int) -> Int? { number(at: offset, width: 2, bigEndian: true) }
  func big32(_ offset: Int) -> Int? { number(at: offset, width: 4, bigEndian: true) }
  func little16(_ offset: Int) -> Int? { number(at: offset, width: 2, bigEndian: false) }
  func little24(_ offset: Int) -> Int? { number(at: offset, width: 3, bigEndian: false) }
  func little32(_ offset: Int) -> Int? { number(at: offset, width: 4, bigEndian: false) }
}
