/// What a benchmark found, as JSON and as a table.

public import Compute
public import Foundation

/// The machine's limits and one result for each work.
public struct BenchmarkReport: Sendable, Encodable {
  public struct Machine: Sendable, Encodable {
    public let readBandwidthBytesPerSecond: Double
    public let fmaFlopsPerSecond: Double
    public let threads: Int

    public init(_ limits: MachineLimits, threads: Int) {
      readBandwidthBytesPerSecond = limits.readBandwidth
      fmaFlopsPerSecond = limits.multiplyAddRate
      self.threads = threads
    }
  }

  public let machine: Machine
  public let results: [BenchmarkResult]

  public init(machine: Machine, results: [BenchmarkResult]) {
    self.machine = machine
    self.results = results
  }

  public func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self)
  }
}

extension BenchmarkReport.Machine {
  /// The machine and the table's head, for people.
  public var heading: String {
    """
    reads \(Self.giga(readBandwidthBytesPerSecond)) GB/s, \
    multiply-adds \(Self.giga(fmaFlopsPerSecond)) GFLOPS on threads: \(threads)

    \(BenchmarkResult.columns)
    """
  }

  private static func giga(_ value: Double) -> String { String(format: "%.1f", value / 1e9) }
}
