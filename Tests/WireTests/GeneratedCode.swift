/// A file that protoc-c made, to be compared with what perhaps another version of it makes.
struct GeneratedCode {
  let text: String

  init(_ text: String) { self.text = text }

  /// The version of protoc-c, which it writes into headers, as `1004001`.
  var compilerVersion: String? {
    text.firstMatch(of: /#elif (\d+) < PROTOBUF_C_MIN_COMPILER_VERSION/).map { String($0.1) }
  }

  /// What the descriptors say: every message's fields with number, label, type, flags and
  /// submessage, and every enum's values, in order. Comments, white space and the spelling of flags
  /// are left out, which differ between versions of protoc-c.
  var facts: [String] {
    let plain = text.replacing(/\/\*.*?\*\//.dotMatchesNewlines(), with: " ")
      .replacing(/\s+/, with: " ").replacing(/\s*([{},|])\s*/) { "\($0.1)" }
      .replacing("0|PROTOBUF_C", with: "PROTOBUF_C")
    let field = #/\{"\w+",\d+,PROTOBUF_C_LABEL_[^{}]*\}/#
    let value = #/\{"\w+","\w+",-?\d+\}/#
    let table = #/\w+__(field_descriptors|enum_values_by_number)\[\d+\]/#
    return [
      plain.matches(of: table).map { String($0.output.0) },
      plain.matches(of: field).map { String($0.output) },
      plain.matches(of: value).map { String($0.output) },
    ].flatMap { $0 }
  }
}
