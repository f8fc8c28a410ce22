/// From a client's messages to the turns of a referring query.

internal import Referring
package import Wire

/// A conversation as the coordinator takes it.
package struct Conversation: Sendable, Equatable {
  package private(set) var system = ""
  package private(set) var turns: [WireTurn] = []
  package private(set) var images: [[UInt8]] = []

  /// Messages of one role that follow each other are one turn. System messages come first.
  ///
  /// `images` are those of all messages in order. Throws an ``APIError`` that names the field.
  package init(_ messages: [ChatMessage], images: [LoadedImage]) throws {
    var text = TurnText()
    var shown = 0
    for (number, message) in messages.enumerated() {
      let path = FieldPath("messages")[number]
      switch message.role {
      case .system, .developer:
        guard turns.isEmpty else {
          throw path.appending("role").error(
            "is \(message.role.rawValue), which must come before the conversation",
            code: "invalid_value")
        }
        let more = try Self.plainText(of: message, path)
        system += system.isEmpty ? more : "\n" + more
      case .user, .assistant:
        let speaker: WireTurn.Speaker = message.role == .user ? .user : .assistant
        if turns.last?.speaker != speaker {
          guard speaker == .user || !turns.isEmpty else {
            throw path.appending("role").error(
              "is assistant, where the user must begin", code: "invalid_value")
          }
          turns.append(WireTurn(speaker: speaker, text: ""))
          text = TurnText()
        }
        if speaker == .user {
          try append(message, path, to: &text, images: images, shown: &shown)
        } else {
          text.append(.text(try Self.plainText(of: message, path)))
        }
        turns[turns.count - 1].text = text.marked
      }
    }
    guard turns.last?.speaker == .user else {
      throw FieldPath("messages").error(
        "must end with a message of the user", code: "invalid_value")
    }
    self.images = images.map(\.file)
  }

  private mutating func append(
    _ message: ChatMessage, _ path: FieldPath, to text: inout TurnText, images: [LoadedImage],
    shown: inout Int
  ) throws {
    for (index, part) in message.parts.enumerated() {
      let part = (value: part, path: path.appending("content")[index])
      switch part.value {
      case .text(let string):
        try part.path.appending("text").checkText(string)
        text.append(.text(string))
      case .image:
        turns[turns.count - 1].images.append(shown)
        shown += 1
      case .region(let given):
        let path = part.path.appending("region")
        turns[turns.count - 1].regions.append(try Self.region(given, path, in: images))
        text.append(.region(id: given.region.name))
      }
    }
  }

  /// Checked against its image, so that the error can name the part.
  private static func region(
    _ part: RegionPart, _ path: FieldPath, in images: [LoadedImage]
  ) throws -> WireRegion {
    let region = part.region
    guard images.indices.contains(region.image) else {
      throw path.appending("image").error(
        images.isEmpty
          ? "cannot be: the conversation shows no image"
          : "is \(region.image); the conversation shows \(images.count), counted from 0",
        code: "out_of_range")
    }
    do throws(ReferringError) {
      _ = try region.validated(in: images[region.image].size)
    } catch {
      let path = path.appending(part.field)
      throw APIError.invalid("\(path): \(error)", param: path.param, code: "invalid_region")
    }
    return WireRegion(
      kind: region.shape.wireKind, frame: region.frame == .pixels ? .pixels : .normalized,
      coordinates: region.shape.wireCoordinates, image: region.image, name: region.name ?? "")
  }

  private static func plainText(of message: ChatMessage, _ path: FieldPath) throws -> String {
    var text = TurnText()
    for (index, part) in message.parts.enumerated() {
      let path = path.appending("content")[index]
      guard case .text(let string) = part else {
        throw path.appending("type").error(
          "must be text in a message of the \(message.role.rawValue)", code: "invalid_value")
      }
      try path.appending("text").checkText(string)
      text.append(.text(string))
    }
    return text.marked
  }
}

extension RegionShape {
  fileprivate var wireKind: WireRegion.Kind {
    switch self {
    case .point: .point
    case .box: .box
    case .polygon: .polygon
    }
  }

  fileprivate var wireCoordinates: [Double] {
    switch self {
    case .point(let point): [point.x, point.y]
    case .box(let box): [box.x1, box.y1, box.x2, box.y2]
    case .polygon(let points): points.flatMap { [$0.x, $0.y] }
    }
  }
}
