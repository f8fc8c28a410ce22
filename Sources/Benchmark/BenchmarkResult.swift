/// One figure of a benchmark.

internal import Foundation

/// How fast one work went: medians, and what share of the machine's limits that is.
public struct BenchmarkResult: Sendable, Encodable {
  public enum Work: String, Sendable, Encodable {
    case prefill
    case decode
    case vision
  }

  public let work: Work
  /// The model's name or dimensions.
  public let dimensions: String
  /// How its matrices are stored.
  public let weights: String
  /// Sequences, or images, at once.
  public let batch: Int
  /// Tokens of each: of the prompt, of the answer, or of the image's features.
  public let tokens: Int
  /// Of all sequences together, the median of the repetitions.
  public let tokensPerSecond: Double
  /// The slowest repetition minus the fastest, as a share of the median.
  public let spread: Double
  /// Weights, keys and values read, as a share of what the machine could read in that time.
  public let shareOfBandwidth: Double
  /// How long reading the weights plainly takes, in turns with decoding, as a share of the time
  /// that decoding takes: 1 is as fast as memory allows. Nil of other work.
  public let shareOfReading: Double?
  /// Floating-point operations, as a share of what the machine could do in that time.
  public let shareOfFmaPeak: Double
  /// Memory that the process held after the work.
  public let residentBytes: Int

  init(
    _ work: Work, _ timing: Timing, batch: Int, dimensions: String, weights: String,
    machine: BenchmarkReport.Machine
  ) {
    self.work = work
    self.dimensions = dimensions
    self.weights = weights
    self.batch = batch
    tokens = timing.tokens / batch
    let seconds = timing.medianSeconds
    tokensPerSecond = Double(timing.tokens) / seconds
    spread = timing.spread
    shareOfBandwidth = timing.bytesRead / seconds / machine.readBandwidthBytesPerSecond
    shareOfReading = timing.shareOfReading
    shareOfFmaPeak = timing.operations / seconds / machine.fmaFlopsPerSecond
    residentBytes = Self.resident()
  }

  /// What the kernel says this process holds in memory.
  private static func resident() -> Int {
    let fields = ((try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? "")
      .split(separator: " ")
    return fields.count > 1 ? (Int(fields[1]) ?? 0) * sysconf(Int32(_SC_PAGESIZE)) : 0
  }
}

extension BenchmarkResult {
  static let columns =
    "work     dimensions     weights  batch  tokens       tokens/s   spread  "
    + "bandwidth  reading  FMA peak  resident"

  /// A line of the table under `columns`.
  public var row: String {
    func padded(_ text: String, _ width: Int) -> String {
      text.padding(toLength: max(width, text.count), withPad: " ", startingAt: 0)
    }
    let reading = shareOfReading.map { String(format: "%6.1f%%", $0 * 100) } ?? "      -"
    let speed = String(
      format: "%5d  %6d  %13.2f  %6.1f%%  %8.1f%%", batch, tokens, tokensPerSecond, spread * 100,
      shareOfBandwidth * 100)
    let rest = String(format: "%7.1f%%  %4d MiB", shareOfFmaPeak * 100, residentBytes >> 20)
    let numbers = "\(speed)  \(reading)  \(rest)"
    return
      "\(padded(work.rawValue, 7))  \(padded(dimensions, 13))  \(padded(weights, 7))  \(numbers)"
  }
}
