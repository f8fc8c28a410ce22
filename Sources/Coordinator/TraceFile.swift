/// A trace of what every stage did when, for Perfetto and Chrome.

internal import Foundation

/// Writes events in the JSON array form of Chrome's trace event format. Events are written whole, so
/// that a file whose writer was killed lacks no more than the closing bracket, which readers do not
/// ask for.
struct TraceFile {
  private let file: FileHandle
  private var buffer = Data()
  /// The row of each track.
  private var rows: [TraceEvent.Track: Int] = [:]

  /// Bytes after which the buffer is written.
  private static let bufferBytes = 1 << 16

  /// Creates the file, or empties it. Throws `.configuration` if it cannot be written.
  init(path: String) throws(CoordinatorError) {
    guard FileManager.default.createFile(atPath: path, contents: Data("[\n".utf8)),
      let file = FileHandle(forWritingAtPath: path)
    else {
      throw CoordinatorError(
        .configuration, "the trace \(path) cannot be written",
        remedy: "Name a file in a directory that exists and may be written")
    }
    file.seekToEndOfFile()
    self.file = file
  }

  mutating func write(_ event: TraceEvent) {
    let row = row(of: event.track)
    let details = event.details.map { "\(quoted($0.name)):\(number($0.value))" }
    let fields = [
      #""name":\#(quoted(event.name))"#, #""cat":"chatspot""#, #""pid":1"#, #""tid":\#(row)"#,
      #""args":{\#(details.joined(separator: ","))}"#,
    ]
    let start = microseconds(event.start)
    if let overlap = event.overlap {
      append(fields + [#""ph":"b""#, #""ts":\#(start)"#, #""id":\#(overlap)"#])
      let end = microseconds(event.start + event.seconds)
      append(fields + [#""ph":"e""#, #""ts":\#(end)"#, #""id":\#(overlap)"#])
    } else {
      let duration = microseconds(event.seconds)
      append(fields + [#""ph":"X""#, #""ts":\#(start)"#, #""dur":\#(duration)"#])
    }
    if buffer.count >= Self.bufferBytes { flush() }
  }

  /// Writes what is buffered. A disk that is full ends no query: the trace then lacks events.
  mutating func flush() {
    guard !buffer.isEmpty else { return }
    try? file.write(contentsOf: buffer)
    buffer.removeAll(keepingCapacity: true)
  }

  /// Ends the array and closes the file.
  mutating func close() {
    // The last element of a JSON array has no comma behind it.
    buffer.append(Data(#"{"name":"end","ph":"i","s":"g","ts":0,"pid":1,"tid":0}"#.utf8))
    buffer.append(Data("\n]\n".utf8))
    flush()
    try? file.close()
  }

  private mutating func row(of track: TraceEvent.Track) -> Int {
    if let row = rows[track] { return row }
    let (row, name): (Int, String) =
      switch track {
      case .pipeline: (1, "pipeline")
      case .stage(let stage, let name): (100 + rows.count, "stage \(stage): \(name)")
      case .vision(let name): (10_000 + rows.count, "vision: \(name)")
      }
    rows[track] = row
    append([
      #""name":"thread_name""#, #""ph":"M""#, #""pid":1"#, #""tid":\#(row)"#,
      #""args":{"name":\#(quoted(name))}"#,
    ])
    return row
  }

  private mutating func append(_ fields: [String]) {
    buffer.append(Data("{\(fields.joined(separator: ","))},\n".utf8))
  }

  /// To a tenth of a microsecond.
  private func microseconds(_ seconds: Double) -> String { number((seconds * 1e7).rounded() / 10) }

  private func number(_ value: Double) -> String { value.isFinite ? "\(value)" : "0" }

  private func quoted(_ text: String) -> String {
    let escaped = text.unicodeScalars.map { scalar -> String in
      switch scalar {
      case "\"": "\\\""
      case "\\": "\\\\"
      case _ where scalar.value < 0x20: " "
      default: String(scalar)
      }
    }
    return "\"\(escaped.joined())\""
  }
}
