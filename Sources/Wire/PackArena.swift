internal import CChatSpotWire

/// The C structs of one message that is being packed. They live until the arena does; large bytes
/// are lent by Swift arrays and never copied.
final class PackArena {
  private var allocations: [UnsafeMutableRawPointer] = []
  private var loans: [(bytes: [UInt8], place: (ProtobufCBinaryData) -> Void)] = []

  deinit {
    for allocation in allocations { allocation.deallocate() }
  }

  /// Room for `count` values, which the caller initialises; nil for none.
  func room<Value>(_ count: Int, for: Value.Type = Value.self) -> UnsafeMutablePointer<Value>? {
    guard count > 0 else { return nil }
    let pointer = UnsafeMutablePointer<Value>.allocate(capacity: count)
    allocations.append(UnsafeMutableRawPointer(pointer))
    return pointer
  }

  /// A string field. Zero bytes were refused before.
  func text(_ text: String) -> UnsafeMutablePointer<CChar>? {
    array(text.utf8CString).1
  }

  /// A repeated string.
  func texts(
    _ texts: [String]
  ) -> (Int, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) {
    array(texts.lazy.map { self.text($0) })
  }

  /// A bytes field of few bytes, which are copied.
  func copy(_ bytes: [UInt8]) -> ProtobufCBinaryData {
    let (count, items) = array(bytes)
    return ProtobufCBinaryData(len: count, data: items)
  }

  /// A repeated number whose C type is the same.
  func array<Number>(
    _ values: some Collection<Number>
  ) -> (Int, UnsafeMutablePointer<Number>?) {
    let items = room(values.count, for: Number.self)
    for (index, value) in values.enumerated() { (items! + index).initialize(to: value) }
    return (values.count, items)
  }

  /// A repeated uint32 that counts or places things.
  func integers(_ values: [Int]) -> (Int, UnsafeMutablePointer<UInt32>?) {
    array(values.lazy.map { UInt32(clamping: $0) })
  }

  /// A repeated token id.
  func tokens(_ values: [Int32]) -> (Int, UnsafeMutablePointer<UInt32>?) {
    array(values.lazy.map { UInt32(clamping: $0) })
  }

  /// A submessage, which may be absent.
  func message<Body: WireMessage>(_ body: Body?) -> UnsafeMutablePointer<Body.CMessage>? {
    guard let body, let c = room(1, for: Body.CMessage.self) else { return nil }
    Body.initialise(c)
    body.write(to: c, self)
    return c
  }

  /// A repeated submessage.
  func messages<Body: WireMessage>(
    _ bodies: [Body]
  ) -> (Int, UnsafeMutablePointer<UnsafeMutablePointer<Body.CMessage>?>?) {
    array(bodies.lazy.map { self.message($0) })
  }

  /// A bytes field. `place` is handed the bytes when `lending` runs.
  func lend(_ bytes: [UInt8], place: @escaping (ProtobufCBinaryData) -> Void) {
    loans.append((bytes, place))
  }

  /// A repeated bytes field.
  func blobs(_ blobs: [[UInt8]]) -> (Int, UnsafeMutablePointer<ProtobufCBinaryData>?) {
    let (count, items) = array(blobs.lazy.map { _ in ProtobufCBinaryData() })
    for (index, blob) in blobs.enumerated() { lend(blob) { (items! + index).pointee = $0 } }
    return (count, items)
  }

  /// Runs `pack` while every bytes field points into its Swift array.
  ///
  /// It nests one call per bytes field, of which the limits allow a message a few dozen at most.
  func lending<Result>(
    from first: Int = 0, _ pack: () throws(WireFault) -> Result
  ) throws(WireFault) -> Result {
    guard first < loans.count else { return try pack() }
    let (bytes, place) = loans[first]
    return try bytes.withUnsafeBufferPointer { buffer throws(WireFault) in
      place(
        ProtobufCBinaryData(
          len: buffer.count, data: UnsafeMutablePointer(mutating: buffer.baseAddress)))
      return try lending(from: first + 1, pack)
    }
  }
}
