/// `chatspot bench` as a user runs it.

import Foundation
import Testing

@Suite("chatspot bench", .timeLimit(.minutes(5)))
struct BenchTests {
  @Test("--json prints one object with the machine and a result for each work")
  func json() async throws {
    let program = try await Program.run([
      "bench", "--model", Program.model.path, "--prompt", "16", "--generate", "4", "--batch", "1,2",
      "--vision", "--threads", "2", "--repetitions", "2", "--json",
    ])
    #expect(program.status == 0, "\(program.errors)")
    let object = try JSONSerialization.jsonObject(with: Data(program.output.utf8))
    let report = try #require(object as? [String: Any])
    #expect(Set(report.keys) == ["machine", "results"])
    let machine = try #require(report["machine"] as? [String: Double])
    #expect(
      Set(machine.keys) == ["read_bandwidth_bytes_per_second", "fma_flops_per_second", "threads"])
    #expect(machine["threads"] == 2)
    let results = try #require(report["results"] as? [[String: Any]])
    #expect(
      results.compactMap { $0["work"] as? String } == ["prefill", "decode", "decode", "vision"])
    let fields: Set = [
      "work", "dimensions", "weights", "batch", "tokens", "tokens_per_second", "spread",
      "share_of_bandwidth", "share_of_fma_peak", "resident_bytes",
    ]
    for result in results {
      let ofItsOwn: Set<String> = result["work"] as? String == "decode" ? ["share_of_reading"] : []
      #expect(Set(result.keys) == fields.union(ofItsOwn))
      #expect(try #require(result["tokens_per_second"] as? Double) > 0)
    }
  }

  @Test("the table has a line for each work")
  func table() async throws {
    let program = try await Program.run([
      "bench", "--prompt", "8", "--generate", "2", "--batch", "3", "--weights", "bf16",
      "--threads", "1", "--repetitions", "1",
    ])
    #expect(program.status == 0, "\(program.errors)")
    let lines = program.output.split(separator: "\n")
    #expect(lines.count == 4 && lines[2].hasPrefix("prefill") && lines[3].hasPrefix("decode"))
    #expect(lines[3].contains("bf16"))
  }

  @Test(
    "what cannot be measured is refused in words",
    arguments: [
      ["--model", "x", "--dimensions", "7b"], ["--batch", "0"], ["--batch", "1,a"],
      ["--weights", "f8"], ["--repetitions", "0"], ["--prompt", "0", "--generate", "0"],
      ["--threads", "0"],
      [
        "--dimensions", "13b", "--weights", "f32", "--batch", "1024",
        "--generate", "100000",
      ],
    ])
  func refusals(arguments: [String]) async throws {
    let program = try await Program.run(["bench"] + arguments)
    #expect(program.status != 0 && program.status > 0)
    #expect(program.errors.contains("Error: "))
    #expect(program.output.isEmpty)
  }
}
