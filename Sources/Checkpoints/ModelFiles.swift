/// Which files a model consists of, found from the one name that somebody gives.

import Foundation

enum ModelFiles {
  /// A directory with weights and configurations.
  case directory(URL)
  /// A GGUF file with the decoder, and its vision encoder.
  case gguf(URL, encoder: Encoder)

  enum Encoder {
    case file(URL)
    /// There is none, for this reason.
    case missing(String)
  }

  /// Throws `.unreadable` where there is no model, or more than one.
  init(at location: URL, encoder: URL?) throws(CheckpointError) {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: location.path, isDirectory: &isDirectory) else {
      throw CheckpointError(
        .unreadable, "\(location.path) does not exist", remedy: Self.remedy)
    }
    guard isDirectory.boolValue else {
      guard GGUFFile.isGGUF(location) else {
        throw CheckpointError(
          .unreadable, "\(location.path) is neither a directory nor a GGUF file",
          remedy: Self.remedy)
      }
      self = .gguf(location, encoder: Self.encoder(of: location, named: encoder))
      return
    }
    let models = Self.ggufFiles(in: location).filter { !Self.isEncoder($0) }
    guard !WeightFiles.exist(in: location), !models.isEmpty else {
      guard encoder == nil else {
        throw CheckpointError(
          .unreadable, "\(location.path) has a vision encoder of its own",
          remedy: "--mmproj goes with GGUF files")
      }
      self = .directory(location)
      return
    }
    guard models.count == 1 else {
      let names = models.map(\.lastPathComponent).joined(separator: ", ")
      throw CheckpointError(
        .unreadable, "\(location.path) holds \(models.count) GGUF models: \(names)",
        remedy: "Name one of them")
    }
    self = .gguf(models[0], encoder: Self.encoder(of: models[0], named: encoder))
  }

  private static let remedy =
    "Name a directory as Hugging Face's llava-hf, LLaVA or Merlin have it, or a GGUF file"

  private static func encoder(of model: URL, named encoder: URL?) -> Encoder {
    if let encoder { return .file(encoder) }
    let found = ggufFiles(in: model.deletingLastPathComponent()).filter(isEncoder)
    if found.count == 1 { return .file(found[0]) }
    let reason =
      found.isEmpty
      ? "there is no mmproj*.gguf with a vision encoder beside \(model.path)"
      : "\(found.map(\.lastPathComponent).joined(separator: ", ")) stand beside \(model.path)"
    return .missing(reason)
  }

  private static func isEncoder(_ url: URL) -> Bool { url.lastPathComponent.contains("mmproj") }

  private static func ggufFiles(in directory: URL) -> [URL] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
    return names.filter { $0.hasSuffix(".gguf") }.sorted().map { directory.appending(path: $0) }
  }

  /// The side file of a GGUF file: `NAME.chatspot.json`, or else `chatspot.json`; nil without one.
  static func profile(beside model: URL) -> URL? {
    let directory = model.deletingLastPathComponent()
    let stem = model.deletingPathExtension().lastPathComponent
    return ["\(stem).\(ReferringProfile.fileName)", ReferringProfile.fileName]
      .map { directory.appending(path: $0) }
      .first { FileManager.default.fileExists(atPath: $0.path) }
  }
}
