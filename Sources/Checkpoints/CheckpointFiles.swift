/// The small files of a checkpoint: those of a directory, or what a GGUF file says in their place.

import Foundation

/// Configuration files by the names that they have in Hugging Face's directories.
struct CheckpointFiles: Sendable {
  /// Where files are looked for that are neither placed nor derived; nil: nowhere.
  var directory: URL?
  /// Files that stand somewhere else.
  var placed: [String: URL] = [:]
  /// What files say that do not exist, or not in these terms. Each names who says so in its place.
  var derived: [String: ConfigurationObject] = [:]
  /// Who is asked for files where there is no directory.
  var deriving = ""

  func has(_ name: String) -> Bool {
    derived[name] != nil
      || url(name).map { FileManager.default.fileExists(atPath: $0.path) } == true
  }

  /// The JSON object of a file. Throws `.unreadable` where there is none, `.malformed`.
  func object(_ name: String) throws(CheckpointError) -> ConfigurationObject {
    if let object = derived[name] { return object }
    guard let url = url(name) else {
      throw CheckpointError(.unreadable, "\(deriving) has no \(name)")
    }
    return try ConfigurationObject(reading: url)
  }

  /// A file's bytes; nil if there is none.
  func data(_ name: String, bytesMax: Int) throws(CheckpointError) -> Data? {
    if let object = derived[name] { return ConfigurationObject.encoded(object.fields) }
    guard has(name), let url = url(name) else { return nil }
    return try readFile(url, bytesMax: bytesMax)
  }

  /// What messages call a file.
  func path(_ name: String) -> String {
    derived[name]?.file ?? url(name)?.path ?? deriving
  }

  /// Has `file` say `fields` under `name`.
  mutating func derive(_ name: String, _ fields: [String: JSONValue], from file: String) {
    derived[name] = ConfigurationObject(file: file, path: "", fields: fields)
  }

  private func url(_ name: String) -> URL? { placed[name] ?? directory?.appending(path: name) }
}
