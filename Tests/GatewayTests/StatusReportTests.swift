/// `chatspot status`.

import Coordinator
import Testing

@testable import Gateway

@Suite("the state of a cluster for people")
struct StatusReportTests {
  @Test("the table tells who runs what, predicted and measured")
  func table() {
    let text = ClusterStatusReport(FakeCluster.standardStatus).text
    for part in [
      "mini: ready, plan 3; up 1 h 6 min", "2 running, 1 waiting",
      "interrupted 1 min 5 s ago, over after 12.50 ms, 1 query under way: worker-1 was lost; 60 positions",
      "12.5 prompt and 99.0 new tokens/s", "64 of 160 prompt tokens",
      "predicted 0.10 ms a token, measured 0.50 ms a step", "spare: worker-2",
      "lost worker-3 7 s ago: its disk is full",
    ] { #expect(text.contains(part), "\(part) in\n\(text)") }
    let lines = text.split(separator: "\n")
    let head = lines.first { $0.hasPrefix("stage") }
    let row = lines.first { $0.hasPrefix("worker-1") }
    #expect(head?.count == row?.count)
    #expect(
      row?.split(separator: " ").map(String.init) == [
        "worker-1", "11", "0–1", "q8_0", "1.0", "MiB", "40", "%", "55", "%", "5", "%", "0.50", "77",
      ])
  }

  @Test(
    "where no gateway answers, the error says what to do",
    arguments: [("ftp://x", "as http"), ("nonsense", "as http"), ("http://127.0.0.1:1", "up")])
  func unreachable(url: String, remedy: String) async {
    let error = await #expect(throws: GatewayError.self) {
      try await ClusterStatusClient(url: url).status()
    }
    #expect(error?.remedy.contains(remedy) == true, "\(error as Any)")
  }
}
