/// Writes a checkpoint's directory with its decoder's weights quantised and packed.

public import Compute
public import Foundation

/// Makes of any checkpoint a directory that is loaded by mapping it.
public struct CheckpointQuantizer {
  private let checkpoint: Checkpoint
  private let weights: ConvertedWeights
  private let team: ThreadTeam

  /// Matrices are brought to `format` as `ConvertedWeights` does it when a model is loaded; `team`
  /// does it.
  public init(_ checkpoint: Checkpoint, to format: WeightFormat, on team: ThreadTeam) {
    precondition(format.isQuantized)
    self.checkpoint = checkpoint
    self.team = team
    weights = ConvertedWeights(checkpoint, to: format, on: team)
  }

  /// Writes the directory: under another name first, so that it is there whole or not at all.
  ///
  /// An existing one is refused, or where `replaces` is set and it is a checkpoint's, replaced.
  /// `progress` is called with the bytes that are written and those that there will be.
  /// Throws `.unwritable`, `.cancelled` when the task is, and what keeps a tensor from loading.
  public func write(
    to directory: URL, replaces: Bool = false, progress: (_ done: Int, _ all: Int) -> Void
  ) throws(CheckpointError) {
    let directory = directory.standardizedFileURL
    try refuse(directory, replaces: replaces)
    let partial = directory.deletingLastPathComponent().appending(
      path: ".\(directory.lastPathComponent).partial-\(UUID().uuidString.prefix(8))")
    try Self.attempt("\(partial.path) cannot be made") {
      try FileManager.default.createDirectory(at: partial, withIntermediateDirectories: false)
    }
    do throws(CheckpointError) {
      try writeFiles(to: partial)
      try writeWeights(to: partial.appending(path: WeightFiles.safetensorsFile), progress)
      try put(partial, at: directory)
    } catch {
      try? FileManager.default.removeItem(at: partial)
      throw error
    }
  }

  private func refuse(_ directory: URL, replaces: Bool) throws(CheckpointError) {
    let parent = directory.deletingLastPathComponent()
    guard FileManager.default.fileExists(atPath: parent.path) else {
      throw CheckpointError(
        .unwritable, "there is no directory \(parent.path) to put \(directory.lastPathComponent) in"
      )
    }
    guard FileManager.default.fileExists(atPath: directory.path) else { return }
    guard replaces else {
      throw CheckpointError(
        .unwritable, "\(directory.path) is there already",
        remedy: "Name another directory, or replace it with --force")
    }
    // A slip of the pen must not cost anything but a checkpoint.
    let config = directory.appending(path: "config.json")
    guard FileManager.default.fileExists(atPath: config.path) else {
      throw CheckpointError(
        .unwritable, "\(directory.path) is not a checkpoint's directory: it is not replaced")
    }
    guard directory.resolvingSymlinksInPath() != checkpoint.location.resolvingSymlinksInPath()
    else {
      throw CheckpointError(.unwritable, "\(directory.path) is the checkpoint that is read")
    }
  }

  private func writeFiles(to directory: URL) throws(CheckpointError) {
    for name in PackedCheckpoint.copiedFiles {
      guard let data = try checkpoint.files.data(name, bytesMax: 256 << 20) else { continue }
      try Self.write(data, to: directory.appending(path: name))
    }
    if checkpoint.files.has(ReferringProfile.fileName) {
      var fields = try checkpoint.files.object(ReferringProfile.fileName).fields
      // What was to be done at loading is done.
      fields["weights"] = nil
      try Self.write(
        ConfigurationObject.encoded(fields),
        to: directory.appending(path: ReferringProfile.fileName))
    }
    if let metadata = checkpoint.tokenizerMetadata {
      try Self.write(
        metadata.fileWithoutTensors,
        to: directory.appending(path: PackedCheckpoint.vocabularyFile))
    }
  }

  private func writeWeights(
    to url: URL, _ progress: (_ done: Int, _ all: Int) -> Void
  ) throws(CheckpointError) {
    let layout = PackedWeightsFile(
      checkpoint.tensors.filter { Self.isUsed($0.key) }.map { name, location in
        let format = weights.target(of: name, shape: location.shape) ?? location.format
        return (name, location.shape, format)
      })
    try requireSpace(for: layout.byteCount, at: url)
    try Self.write(layout.header, to: url)
    var file: FileHandle?
    try Self.attempt("\(url.path) cannot be written") {
      file = try FileHandle(forWritingTo: url)
      _ = try file?.seekToEnd()
    }
    guard let file else { return }
    defer { try? file.close() }
    for entry in layout.entries {
      guard !Task.isCancelled else {
        throw CheckpointError(.cancelled, "\(url.path) is given up")
      }
      let tensor = try weights.tensor(entry.name, shape: entry.shape)
      do throws(ComputeError) {
        try tensor.write(to: file)
      } catch {
        throw CheckpointError(
          .unwritable, "\(url.path) cannot be written: \(error.message)",
          remedy: "It takes \(layout.byteCount) bytes")
      }
      progress(layout.header.count + entry.range.upperBound, layout.byteCount)
    }
    try Self.attempt("\(url.path) cannot be written") { try file.synchronize() }
  }

  /// Whether a tensor is a part of the model.
  private static func isUsed(_ name: String) -> Bool {
    ["vision_tower.", "multi_modal_projector.", "language_model."].contains(where: name.hasPrefix)
  }

  private func requireSpace(for bytes: Int, at url: URL) throws(CheckpointError) {
    let values = try? FileManager.default.attributesOfFileSystem(
      forPath: url.deletingLastPathComponent().path)
    guard let free = values?[.systemFreeSize] as? Int, free < bytes else { return }
    throw CheckpointError(
      .unwritable, "there is no room for \(bytes) bytes in \(url.path): \(free) are free",
      remedy: "Name a directory on another disk")
  }

  /// Puts the whole directory where it belongs, in place of one that is there.
  private func put(_ partial: URL, at directory: URL) throws(CheckpointError) {
    let manager = FileManager.default
    guard manager.fileExists(atPath: directory.path) else {
      try Self.attempt("\(directory.path) cannot be made") {
        try manager.moveItem(at: partial, to: directory)
      }
      return
    }
    let old = partial.appendingPathExtension("old")
    try Self.attempt("\(directory.path) cannot be replaced") {
      try manager.moveItem(at: directory, to: old)
      do {
        try manager.moveItem(at: partial, to: directory)
      } catch {
        try manager.moveItem(at: old, to: directory)
        throw error
      }
      try manager.removeItem(at: old)
    }
  }

  private static func write(_ data: Data, to url: URL) throws(CheckpointError) {
    try attempt("\(url.path) cannot be written") { try data.write(to: url) }
  }

  private static func attempt(
    _ failure: String, _ body: () throws -> Void
  ) throws(CheckpointError) {
    do {
      try body()
    } catch {
      var cause = error as NSError
      while let inner = cause.userInfo[NSUnderlyingErrorKey] as? NSError { cause = inner }
      let words =
        cause.domain == NSPOSIXErrorDomain
        ? String(cString: strerror(Int32(cause.code))) : cause.localizedDescription
      throw CheckpointError(.unwritable, "\(failure): \(words)")
    }
  }
}
