/// `chatspot model quantize`: a checkpoint with smaller weights, ready to be mapped.

import ArgumentParser
import Checkpoints
import Compute
import Foundation
import Models

extension Model {
  struct Quantize: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Writes a checkpoint with quantised weights.",
      discussion: """
        The decoder's linear layers are brought to the format, as --weights does it at every \
        start; the directory that is written is mapped and starts at once. Everything else is \
        taken over.

          chatspot model quantize llava-1.5-7b --weights q4_0 --output llava-1.5-7b-q4
          chatspot model quantize vicuna-7b.Q6_K.gguf --mmproj mmproj-f16.gguf \\
            --weights q8_0 --output vicuna-7b-q8
        """)

    @Argument(help: "A checkpoint's directory, or a GGUF file.")
    var source: String

    @Option(help: "The GGUF file with a GGUF model's vision encoder and projector.")
    var mmproj: String?

    @Option(help: "q8_0 or q4_0.")
    var weights: WeightFormat

    @Option(help: "The directory that is written.")
    var output: String

    @Flag(help: "Replace a checkpoint's directory that is there already.")
    var force = false

    @OptionGroup var threads: ThreadOptions

    func validate() throws {
      guard weights.isQuantized else {
        throw ValidationError("--weights takes q8_0 or q4_0 here.")
      }
      guard !output.isEmpty else { throw ValidationError("--output is empty.") }
    }

    func run() async throws {
      let work = Task { try quantize() }
      let interruption = Task {
        await Termination.requested()
        work.cancel()
      }
      defer { interruption.cancel() }
      do {
        try await work.value
      } catch let error as CheckpointError where error.code == .cancelled {
        throw ExitCode(130)
      }
    }

    private func quantize() throws {
      let checkpoint = try Checkpoint(
        at: URL(filePath: source), encoder: mmproj.map { URL(filePath: $0) })
      try checkpoint.verifyTensors()
      let team = try threads.team("quantize")
      team.bindCaller()
      var shown = -1
      try CheckpointQuantizer(checkpoint, to: weights, on: team).write(
        to: URL(filePath: output), replaces: force
      ) { done, all in
        let percent = done * 100 / max(1, all)
        guard percent > shown else { return }
        shown = percent
        show(percent, megabytes: all >> 20)
      }
      let written = try Checkpoint(at: URL(filePath: output))
      announce(
        "\(written.location.path): \(written.byteCount(prefix: "")) bytes of weights, "
          + "\(checkpoint.byteCount(prefix: "")) before")
    }

    /// In place on a terminal; in a log every tenth percent.
    private func show(_ percent: Int, megabytes: Int) {
      let isTerminal = isatty(STDERR_FILENO) != 0
      guard isTerminal || percent % 10 == 0 else { return }
      let end = isTerminal && percent < 100 ? "\r" : "\n"
      FileHandle.standardError.write(
        Data("\(percent) % of \(megabytes) MiB written\(end)".utf8))
    }
  }
}
