/// All series of one name.

/// Measurements of one name and kind, told apart by their labels.
struct PrometheusFamily: Sendable {
  enum Kind: String, Sendable {
    case counter, gauge, histogram
  }

  let name: String
  let kind: Kind
  private var series: [String: any PrometheusSeries] = [:]

  init(name: String, kind: Kind) {
    self.name = name
    self.kind = kind
  }

  var isEmpty: Bool { series.isEmpty }

  /// The series with these labels; nil if the family is of another kind.
  mutating func series(
    _ dimensions: [(String, String)], kind: Kind, make: () -> any PrometheusSeries
  ) -> (any PrometheusSeries)? {
    guard kind == self.kind else { return nil }
    var labels = Self.labels(dimensions)
    if series[labels] == nil, series.count >= PrometheusRegistry.seriesMax {
      labels = Self.labels(dimensions.map { ($0.0, "other") })
    }
    if let known = series[labels] { return known }
    let new = make()
    series[labels] = new
    return new
  }

  mutating func remove(_ handler: AnyObject) { series = series.filter { $0.value !== handler } }

  func write(to text: inout String) {
    if let help = MetricHelp.text[name] { text += "# HELP \(name) \(help)\n" }
    text += "# TYPE \(name) \(kind.rawValue)\n"
    for (labels, one) in series.sorted(by: { $0.key < $1.key }) {
      one.write(name: name, labels: labels, to: &text)
    }
  }

  /// A name as Prometheus allows it: letters, digits, underscore and colon.
  static func name(_ label: String) -> String {
    let cleaned = label.unicodeScalars.map { scalar in
      scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
        || scalar == "_" || scalar == ":" ? Character(scalar) : "_"
    }
    guard let first = cleaned.first else { return "_" }
    return first.isNumber ? "_" + String(cleaned) : String(cleaned)
  }

  /// `a="x",b="y"` in the order of the names.
  private static func labels(_ dimensions: [(String, String)]) -> String {
    dimensions.sorted { $0.0 < $1.0 }.map { key, value in
      var escaped = ""
      for character in value.prefix(128) {
        switch character {
        case "\\": escaped += "\\\\"
        case "\"": escaped += "\\\""
        case "\n": escaped += "\\n"
        default: escaped.append(character)
        }
      }
      return "\(name(key))=\"\(escaped)\""
    }.joined(separator: ",")
  }
}
