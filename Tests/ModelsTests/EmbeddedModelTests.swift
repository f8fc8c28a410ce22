/// The embedded model's checkpoint as the project ships it.

import Compute
import Foundation
import Testing

@testable import Checkpoints
@testable import Models

@Suite("embedded model")
struct EmbeddedModelTests {
  @Test("its dimensions and its side file are read")
  func configuration() throws {
    let checkpoint = try Checkpoint(directory: Oracle.embeddedModel)
    #expect(checkpoint.configuration.text.layers == 4)
    #expect(checkpoint.profile.notation == "mini")
    let layout = try ProjectorLayout(
      of: checkpoint.weights("multi_modal_projector"), configuration: checkpoint.configuration)
    #expect(layout == ProjectorLayout(stride: nil, rows: 64))
  }

  @Test("the digest changes with the configuration and stays with the place")
  func digest() throws {
    let digest = try Checkpoint(directory: Oracle.embeddedModel).digest()
    #expect(digest.count == 32)
    let copy = FileManager.default.temporaryDirectory.appending(path: "digest-\(UUID())")
    defer { try? FileManager.default.removeItem(at: copy) }
    try FileManager.default.copyItem(at: Oracle.embeddedModel, to: copy)
    #expect(try Checkpoint(directory: copy).digest() == digest)
    try Data(#"{"notation": "llava"}"#.utf8).write(to: copy.appending(path: "chatspot.json"))
    #expect(try Checkpoint(directory: copy).digest() != digest)
  }
}
