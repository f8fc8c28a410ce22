/// A checkpoint: configuration and tensors by canonical name, whatever files they stand in.

public import Compute
public import Foundation

/// A model's files: a directory as Hugging Face's llava-hf, LLaVA or Merlin have it, or a GGUF file
/// with its vision encoder beside it. Opening reads headers only; weights are mapped or converted
/// when they are asked for.
public struct Checkpoint: Sendable {
  /// The directory or the GGUF file.
  public let location: URL
  public let configuration: ModelConfiguration
  public let profile: ReferringProfile
  /// The metadata of a GGUF file that has the tokeniser; nil where the directory has its files.
  public let tokenizerMetadata: GGUFMetadata?
  /// Whose files it consists of.
  public let origin: CheckpointOrigin
  let files: CheckpointFiles
  let tensors: [String: TensorLocation]
  /// Types of the tensors that are not read, by canonical name.
  private let unread: [String: String]
  /// Why there is no vision encoder; nil if there is one.
  private let withoutEncoder: CheckpointError?

  /// Opens and checks what stands at `location`: a directory as Hugging Face's llava-hf, LLaVA's own or
  /// Merlin's models have it, a GGUF file, or a directory with one. A GGUF file's vision encoder is `encoder`, or the
  /// only `*mmproj*.gguf` beside it; without one the decoder alone can be used.
  ///
  /// Throws `CheckpointError` that names the file and what is wrong.
  public init(at location: URL, encoder: URL? = nil) throws(CheckpointError) {
    switch try ModelFiles(at: location, encoder: encoder) {
    case .directory(let directory): try self.init(files: directory)
    case .gguf(let decoder, let encoder): try self.init(gguf: decoder, encoder: encoder)
    }
  }

  /// The checkpoint in a directory.
  public init(directory: URL) throws(CheckpointError) { try self.init(at: directory) }

  private init(files directory: URL) throws(CheckpointError) {
    location = directory
    var files = CheckpointFiles(directory: directory)
    let layout = try CheckpointOrigin.Layout(of: files.object("config.json"))
    let weights = try WeightFiles(in: directory)
    var found = try weights.tensors()
    var withoutEncoder: CheckpointError?
    var tower: URL?
    if layout == .llavaHF {
      if !found.hasVisionTower {
        withoutEncoder = CheckpointError(
          .missingTensor, "\(directory.path) has no vision encoder: no tensor vision_tower.…",
          remedy: "The checkpoint is incomplete, or of a decoder alone")
      }
    } else {
      let original = try OriginalDirectory(files, layout, found)
      (files, found) = (original.files, original.tensors)
      (withoutEncoder, tower) = (original.withoutEncoder, original.tower)
    }
    let vocabulary = directory.appending(path: PackedCheckpoint.vocabularyFile)
    tokenizerMetadata =
      FileManager.default.fileExists(atPath: vocabulary.path)
      ? try GGUFMetadata(reading: vocabulary) : nil
    configuration = try ModelConfiguration(files)
    profile = try ReferringProfile(files)
    let count = weights.files.count
    origin = CheckpointOrigin(
      layout: layout, weights: "\(count) \(weights.kind.rawValue) file\(count == 1 ? "" : "s")",
      visionTower: tower)
    self.files = files
    (tensors, unread) = (found.located, found.unread)
    self.withoutEncoder = withoutEncoder
  }

  private init(gguf url: URL, encoder: ModelFiles.Encoder) throws(CheckpointError) {
    location = url
    let decoder = try GGUFDecoder(GGUFFile(reading: url))
    var (tensors, unread) = (decoder.tensors, decoder.unread)
    var config: [String: JSONValue] = [
      "model_type": .string("llava"), "text_config": .object(decoder.textFields),
      // Any id will do that stands for no text: features take its place.
      "image_token_index": .number(
        Double(
          try decoder.file.metadata.integer(
            "tokenizer.ggml.unknown_token_id", default: 0, in: 0...(1 << 30)))),
    ]
    var files = CheckpointFiles(deriving: url.path)
    switch encoder {
    case .file(let encoderURL):
      let encoder = try GGUFEncoder(GGUFFile(reading: encoderURL))
      config.merge(encoder.fields) { $1 }
      files.derive("preprocessor_config.json", encoder.preprocessorFields, from: url.path)
      tensors.merge(encoder.tensors) { $1 }
      unread.merge(encoder.unread) { $1 }
      withoutEncoder = nil
    case .missing(let reason):
      withoutEncoder = CheckpointError(
        .missingTensor, reason,
        remedy: "Name the file of the vision encoder and projector with --mmproj")
    }
    files.derive("config.json", config, from: url.path)
    if let profile = ModelFiles.profile(beside: url) {
      files.placed[ReferringProfile.fileName] = profile
    }
    self.files = files
    origin = CheckpointOrigin(
      layout: .gguf,
      weights: withoutEncoder == nil ? "decoder and vision encoder" : "decoder alone")
    configuration = try ModelConfiguration(files)
    profile = try ReferringProfile(files)
    tokenizerMetadata = decoder.file.metadata
    (self.tensors, self.unread) = (tensors, unread)
  }

  /// A part of a checkpoint whose tensors stand in files of their own, each from the file's first
  /// byte on: as many tensors as are needed, and the configuration of the whole model.
  ///
  /// Throws `CheckpointError` for what is wrong with a file or a tensor.
  public init(
    named location: URL, configurationFiles: [(name: String, bytes: [UInt8])],
    tensors: [(tensor: TensorDescription, file: URL)]
  ) throws(CheckpointError) {
    self.location = location
    var files = CheckpointFiles(deriving: location.lastPathComponent)
    for (name, bytes) in configurationFiles {
      guard
        let fields = try? JSONDecoder().decode([String: JSONValue].self, from: Data(bytes))
      else {
        throw CheckpointError(
          .malformed, "\(name) of \(location.lastPathComponent) is not a JSON object")
      }
      files.derive(name, fields, from: "\(name) of \(location.lastPathComponent)")
    }
    self.files = files
    configuration = try ModelConfiguration(files)
    profile = try ReferringProfile(files)
    tokenizerMetadata = nil
    origin = CheckpointOrigin(layout: .fetched, weights: "\(tensors.count) tensors")
    var locations: [String: TensorLocation] = [:]
    for (tensor, file) in tensors {
      try tensor.validate()
      locations[tensor.name] = TensorLocation(
        path: file.path, format: tensor.format, shape: tensor.shape, offset: 0,
        byteCount: tensor.byteCount, encoding: tensor.encoding, rowOrder: tensor.rowOrder)
    }
    self.tensors = locations
    unread = [:]
    withoutEncoder =
      locations.keys.contains { $0.hasPrefix("vision_tower.") }
      ? nil
      : CheckpointError(
        .missingTensor, "the vision encoder of \(location.lastPathComponent) was not asked for")
  }

  /// The last part of the location's name.
  public var name: String { location.lastPathComponent }

  /// The Jinja template of conversations in a GGUF file's metadata; nil if there is none.
  public var chatTemplate: String? {
    get throws(CheckpointError) { try tokenizerMetadata?.string("tokenizer.chat_template") }
  }

  /// `preprocessor_config.json`, or else `processor_config.json`, and what messages call it.
  ///
  /// Throws `.unreadable` where there is neither.
  public func preprocessorFile() throws(CheckpointError) -> (bytes: [UInt8], path: String) {
    if let withoutEncoder { throw withoutEncoder }
    let names = ["preprocessor_config.json", "processor_config.json"]
    for name in names {
      guard let data = try files.data(name, bytesMax: 1 << 20) else { continue }
      return (Array(data), files.path(name))
    }
    throw CheckpointError(
      .unreadable, "\(location.path) has neither \(names[0]) nor \(names[1])",
      remedy: "They say how pictures are brought to the model's square")
  }

  /// Whether there is a vision encoder. A decoder may stand alone.
  public var hasEncoder: Bool { withoutEncoder == nil }

  /// Why there is none; nil if there is one.
  public var reasonWithoutEncoder: String? { withoutEncoder?.description }

  /// All tensors' canonical names, sorted.
  public var tensorNames: [String] { tensors.keys.sorted() }

  /// Shape of a tensor, the format in which it is loaded where none is asked for, and how the file
  /// encodes it; nil if there is none of that name.
  public func describe(_ name: String) -> (shape: [Int], format: WeightFormat, encoding: String)? {
    tensors[name].map { ($0.shape, $0.format, $0.encodingName) }
  }

  /// Bytes of all tensors whose canonical names begin with `prefix`, as they are loaded.
  public func byteCount(prefix: String) -> Int {
    tensors.reduce(0) { $1.key.hasPrefix(prefix) ? $0 + $1.value.loadedByteCount : $0 }
  }

  /// Bytes of memory that they take beyond what is mapped.
  public func ownByteCount(prefix: String) -> Int {
    tensors.reduce(0) { $1.key.hasPrefix(prefix) ? $0 + $1.value.ownByteCount : $0 }
  }

  /// The weights under a part of the model, such as "vision_tower"; empty is all.
  public func weights(_ part: String = "") -> WeightScope {
    WeightScope(of: self, prefix: part)
  }

  func location(_ name: String) -> TensorLocation? { tensors[name] }
}

extension Checkpoint: WeightSource {
  /// Maps a tensor, or loads it on the calling thread. Throws `.missingTensor`, `.wrongShape`,
  /// `.unsupported`, or `.malformed` if the file has shrunk since.
  public func tensor(_ name: String, shape: [Int]) throws(CheckpointError) -> StoredTensor {
    try tensor(name, shape: shape, as: nil, on: .single)
  }

  public func tensor(
    _ name: String, shape: [Int], as format: WeightFormat?, on team: ThreadTeam
  ) throws(CheckpointError) -> StoredTensor {
    try checked(name, shape: shape).load(as: format, on: team)
  }

  /// Where the tensor of that name and shape stands.
  func checked(_ name: String, shape: [Int]) throws(CheckpointError) -> TensorLocation {
    if let type = unread[name] {
      throw CheckpointError(
        .unsupported, "\(location.path): tensor \(name) is of type \(type.prefix(20))",
        remedy: "Weights in F32, F16 and BF16 are read, in GGUF files also Q8_0, Q4_0, Q4_K, Q5_K "
          + "and Q6_K")
    }
    guard let tensor = tensors[name] else { throw missing(name) }
    guard tensor.shape == shape else {
      throw CheckpointError(
        .wrongShape,
        "\(tensor.path): \(name) has the shape \(tensor.shape); "
          + "\(files.directory == nil ? "its metadata ask" : "config.json asks") for \(shape)")
    }
    return tensor
  }

  private func missing(_ name: String) -> CheckpointError {
    if let withoutEncoder, !name.hasPrefix("language_model.") { return withoutEncoder }
    return CheckpointError(
      .missingTensor, "\(location.path) has no tensor \(name)",
      remedy: "The checkpoint is incomplete, or of another architecture than its configuration says"
    )
  }

  public func shape(of name: String) -> [Int]? { describe(name)?.shape }

  public func format(of name: String) -> WeightFormat? { describe(name)?.format }
}
