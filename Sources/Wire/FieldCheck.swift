/// Checks fields of one message against the protocol's rules, naming message, field and value in
/// what it throws.
struct FieldCheck {
  /// The name of the message whose fields are checked.
  let message: StaticString
  /// The limits that sizes and counts are held to.
  let limits: WireLimits

  init(_ message: StaticString, _ limits: WireLimits) {
    self.message = message
    self.limits = limits
  }

  /// Any rule; `problem` follows the field's name.
  func that(
    _ condition: Bool, _ field: StaticString, _ problem: @autoclosure () -> String
  ) throws(WireFault) {
    guard condition else { throw WireFault(.invalid, "\(message).\(field) \(problem())") }
  }

  /// A count, a size or a position; without a range, what fits a uint32.
  func count(
    _ value: Int, _ field: StaticString, _ range: ClosedRange<Int> = 0...Int(UInt32.max)
  ) throws(WireFault) {
    try that(value >= range.lowerBound, field, "is \(value), less than \(range.lowerBound)")
    guard value <= range.upperBound else {
      throw WireFault(
        .tooLarge, "\(message).\(field) is \(value), more than the limit of \(range.upperBound)")
    }
  }

  /// A number that names something; zero names nothing.
  func identifier(_ value: UInt64, _ field: StaticString) throws(WireFault) {
    try that(value != 0, field, "is 0")
  }

  /// Text of a bounded length. A zero byte would cut it off in C.
  func text(_ text: String, _ field: StaticString, bytesMax: Int) throws(WireFault) {
    guard text.utf8.count <= bytesMax else {
      throw WireFault(
        .tooLarge,
        "\(message).\(field) is \(text.utf8.count) bytes, more than the limit of \(bytesMax)")
    }
    try that(!text.utf8.contains(0), field, "contains a zero byte")
  }

  /// An endpoint, which may be empty.
  func endpoint(_ endpoint: String, _ field: StaticString) throws(WireFault) {
    try text(endpoint, field, bytesMax: limits.endpointBytes)
    try that(
      endpoint.utf8.allSatisfy { (0x21...0x7e).contains($0) }, field,
      "contains a space or a character outside ASCII")
  }

  /// A SHA-256 digest.
  func digest(_ digest: [UInt8], _ field: StaticString) throws(WireFault) {
    try that(digest.count == 32, field, "is \(digest.count) bytes, not 32")
  }

  /// A finite number.
  func finite(_ value: some BinaryFloatingPoint, _ field: StaticString) throws(WireFault) {
    try that(value.isFinite, field, "is \(value)")
  }

  /// A finite number inside a range.
  func finite(
    _ value: Float, _ field: StaticString, _ range: ClosedRange<Float>
  ) throws(WireFault) {
    try that(
      range.contains(value), field,
      "is \(value), not in \(range.lowerBound)...\(range.upperBound)")
  }

  /// A time, in seconds.
  func seconds(_ value: Double, _ field: StaticString) throws(WireFault) {
    try that(value.isFinite && value >= 0, field, "is \(value) seconds")
  }

  /// Numbers of which none may occur twice.
  func unique<Value: Hashable>(
    _ values: some Sequence<Value>, _ field: StaticString
  ) throws(WireFault) {
    var seen: Set<Value> = []
    for value in values {
      try that(seen.insert(value).inserted, field, "name \(value) twice")
    }
  }
}
