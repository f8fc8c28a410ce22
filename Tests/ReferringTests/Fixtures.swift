import Foundation

/// The files in `Fixtures`, made by `make_fixtures.py` there.
enum Fixtures {
  /// A held-out question with its region in pixels of a 112×112 picture, and the prompt for it.
  struct Case: Decodable {
    let question: String
    let prompt: String
    let box: [Double]?
    let point: [Double]?
  }

  struct Prompt: Decodable {
    let size: [Int]
    let prompt: String
  }

  struct Geometry: Decodable {
    let fit: String
    let original: [Int]
    let side: Int
    let edge: Int
    let canvas: [Int]
    let canvasOffset: [Int]
    let resized: [Int]
    let cropOffset: [Int]
  }

  static func load<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
    return try JSONDecoder().decode(type, from: Data(contentsOf: folder.appending(path: name)))
  }
}
