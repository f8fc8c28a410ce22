import Testing
import Wire

/// A message that breaks one rule, and what must be said about it.
struct BrokenRule: Sendable, CustomTestStringConvertible {
  var message: Message
  var cause: String
  var testDescription: String { cause }

  init<Body>(
    _ cause: String, _ whole: Body, _ wrap: (Body) -> Message, _ breaking: (inout Body) -> Void
  ) {
    var body = whole
    breaking(&body)
    message = wrap(body)
    self.cause = cause
  }
}
