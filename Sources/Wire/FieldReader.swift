internal import CChatSpotWire

/// Reads fields of an unpacked C message into Swift values, naming message and field in what it
/// throws.
struct FieldReader {
  /// The name of the message whose fields are read.
  let message: StaticString

  init(_ message: StaticString) { self.message = message }

  /// Throws unless the condition holds.
  func that(
    _ condition: Bool, _ field: StaticString, _ problem: @autoclosure () -> String
  ) throws(WireFault) {
    guard condition else { throw WireFault(.invalid, "\(message).\(field) \(problem())") }
  }

  /// A string field. The length that the wire held is compared, since protobuf-c's own string ends
  /// at the first zero byte.
  func text(
    _ pointer: UnsafeMutablePointer<CChar>?, _ field: StaticString
  ) throws(WireFault) -> String {
    let bytes = UnsafeRawBufferPointer(
      start: pointer, count: chatspot_unpacked_text_length(pointer))
    try that(!bytes.contains(0), field, "contains a zero byte")
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw WireFault(.invalid, "\(message).\(field) is not UTF-8")
    }
    return text
  }

  /// A repeated string.
  func texts(
    _ count: Int, _ items: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
    _ field: StaticString
  ) throws(WireFault) -> [String] {
    var texts: [String] = []
    texts.reserveCapacity(count)
    for item in UnsafeBufferPointer(start: items, count: count) {
      texts.append(try text(item, field))
    }
    return texts
  }

  /// A bytes field, copied.
  func bytes(_ data: ProtobufCBinaryData) -> [UInt8] {
    Array(UnsafeBufferPointer(start: data.data, count: data.data == nil ? 0 : data.len))
  }

  /// A repeated bytes field, copied.
  func blobs(_ count: Int, _ items: UnsafeMutablePointer<ProtobufCBinaryData>?) -> [[UInt8]] {
    UnsafeBufferPointer(start: items, count: count).map(bytes)
  }

  /// A repeated number whose Swift type is the same.
  func array<Number>(_ count: Int, _ items: UnsafeMutablePointer<Number>?) -> [Number] {
    Array(UnsafeBufferPointer(start: items, count: count))
  }

  /// A repeated uint32 that counts or places things.
  func integers(_ count: Int, _ items: UnsafeMutablePointer<UInt32>?) -> [Int] {
    UnsafeBufferPointer(start: items, count: count).map { Int($0) }
  }

  /// A uint64 that counts things.
  func integer(_ value: UInt64, _ field: StaticString) throws(WireFault) -> Int {
    guard let integer = Int(exactly: value) else {
      throw WireFault(.tooLarge, "\(message).\(field) is \(value), more than \(Int.max)")
    }
    return integer
  }

  /// A token id.
  func token(_ value: UInt32, _ field: StaticString) throws(WireFault) -> Int32 {
    guard let token = Int32(exactly: value) else {
      throw WireFault(.tooLarge, "\(message).\(field) is \(value), more than \(Int32.max)")
    }
    return token
  }

  /// A repeated token id.
  func tokens(
    _ count: Int, _ items: UnsafeMutablePointer<UInt32>?, _ field: StaticString
  ) throws(WireFault) -> [Int32] {
    var tokens: [Int32] = []
    tokens.reserveCapacity(count)
    for item in UnsafeBufferPointer(start: items, count: count) {
      tokens.append(try token(item, field))
    }
    return tokens
  }

  /// An enum field. Zero is the unspecified value, which no Swift enum has.
  func choice<Choice: RawRepresentable>(
    _ value: UInt32, _ field: StaticString
  ) throws(WireFault) -> Choice where Choice.RawValue == UInt32 {
    guard let choice = Choice(rawValue: value) else {
      let problem = value == 0 ? "is missing" : "has the unknown value \(value)"
      throw WireFault(.invalid, "\(message).\(field) \(problem)")
    }
    return choice
  }

  /// A submessage that may be absent.
  func message<Body: WireMessage>(
    _ pointer: UnsafeMutablePointer<Body.CMessage>?
  ) throws(WireFault) -> Body? {
    guard let pointer else { return nil }
    return try Body(reading: pointer.pointee)
  }

  /// A submessage that must be there.
  func required<Body: WireMessage>(
    _ pointer: UnsafeMutablePointer<Body.CMessage>?, _ field: StaticString
  ) throws(WireFault) -> Body {
    guard let body: Body = try message(pointer) else {
      throw WireFault(.invalid, "\(message).\(field) is missing")
    }
    return body
  }

  /// A repeated submessage.
  func messages<Body: WireMessage>(
    _ count: Int, _ items: UnsafeMutablePointer<UnsafeMutablePointer<Body.CMessage>?>?
  ) throws(WireFault) -> [Body] {
    var bodies: [Body] = []
    bodies.reserveCapacity(count)
    for item in UnsafeBufferPointer(start: items, count: count) {
      if let body: Body = try message(item) { bodies.append(body) }
    }
    return bodies
  }
}
