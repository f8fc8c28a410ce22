/// One message of a conversation as a client sends it.

package struct ChatMessage: Decodable, Sendable {
  package enum Role: String, Decodable, Sendable {
    case system, developer, user, assistant
  }

  package let role: Role
  /// Text alone is one part.
  package let parts: [ContentPart]

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    let name = try fields.required(.role, as: String.self)
    guard let role = Role(rawValue: name) else {
      throw fields.path(.role).error(
        "is \"\(name.prefix(40))\", not system, developer, user or assistant",
        code: "invalid_value")
    }
    self.role = role
    if let text = try? fields.decode(String.self, forKey: .content) {
      parts = [.text(text)]
    } else if (try? fields.decodeNil(forKey: .content)) ?? true {
      // An assistant that refused or called a tool said nothing.
      guard role == .assistant else {
        throw fields.path(.content).error("is missing", code: "missing_field")
      }
      parts = []
    } else if (try? fields.nestedUnkeyedContainer(forKey: .content)) != nil {
      parts = try fields.list(.content, 0...RequestLimits.parts, "parts")
    } else {
      throw fields.path(.content).error(
        "must be a string or a list of content parts", code: "wrong_type")
    }
  }

  enum CodingKeys: String, CodingKey { case role, content }
}
