/// What one line, or one histogram, of the text format comes from.

/// One set of labels of one name.
protocol PrometheusSeries: AnyObject, Sendable {
  /// Appends its lines. `labels` is empty or like `a="x",b="y"`.
  func write(name: String, labels: String, to text: inout String)
}

extension PrometheusSeries {
  /// One line of the text format.
  func line(_ name: String, _ labels: String, _ value: Double, to text: inout String) {
    let shown =
      if value.isNaN { "NaN" } else if value.isInfinite { value > 0 ? "+Inf" : "-Inf" } else {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
      }
    text += labels.isEmpty ? "\(name) \(shown)\n" : "\(name){\(labels)} \(shown)\n"
  }
}
