/// A cluster that answers what a test tells it to.

import Coordinator
import Foundation
import Synchronization
import Wire

@testable import Gateway

/// Keeps what it is asked, and answers with a script.
final class FakeCluster: ServingCluster {
  typealias Continuation = AsyncThrowingStream<QueryEvent, any Error>.Continuation

  private struct State {
    var asked: [ReferringQueryMessage] = []
    var cancelled = 0
    var isReady = true
  }

  private let state = Mutex(State())
  private let script: @Sendable (ReferringQueryMessage, Continuation) -> Void

  init(script: @escaping @Sendable (ReferringQueryMessage, Continuation) -> Void) {
    self.script = script
  }

  /// Answers every query with these pieces of text, and these regions.
  convenience init(_ pieces: String..., regions: [AnswerRegion] = []) {
    self.init { query, continuation in
      for piece in pieces { continuation.yield(.text(piece, [])) }
      continuation.yield(.answer(Self.answer(pieces.joined(), regions: regions)))
      continuation.finish()
    }
  }

  static func answer(_ text: String, regions: [AnswerRegion] = []) -> Answer {
    Answer(
      query: 1, text: text, finishReason: .stop, regions: regions, promptTokens: 80,
      imageTokens: 64, newTokens: 5, cachedTokens: 32)
  }

  var asked: [ReferringQueryMessage] { state.withLock { $0.asked } }
  var cancelled: Int { state.withLock { $0.cancelled } }
  func becomeUnready() { state.withLock { $0.isReady = false } }

  func ask(_ query: ReferringQueryMessage) -> AsyncThrowingStream<QueryEvent, any Error> {
    state.withLock { $0.asked.append(query) }
    let (stream, continuation) = AsyncThrowingStream<QueryEvent, any Error>.makeStream()
    continuation.onTermination = { [weak self] termination in
      guard case .cancelled = termination else { return }
      self?.state.withLock { $0.cancelled += 1 }
    }
    script(query, continuation)
    return stream
  }

  func status() async -> ClusterStatus {
    var status = Self.standardStatus
    status.ready = state.withLock { $0.isReady }
    return status
  }

  static let standardStatus: ClusterStatus = {
    let json = """
      {"ready": true, "waiting_for": "", "takes_queries": false, "epoch": 3, "uptime_seconds": 4000.5,
       "model": {"name": "mini", "digest": "00ff", "layers": 4, "context_tokens": 2048},
       "queries": {"running": 2, "waiting": 1}, "tokens_per_second": {"prompt": 12.5, "new": 99},
       "kv": {"blocks": 2048, "free": 2000, "cached": 8, "block_tokens": 16},
       "prefix": {"hit_tokens": 64, "asked_tokens": 160},
       "features": {"held": 1, "bytes": 32768, "hits": 5}, "predicted": {"step_seconds": 0.0001},
       "stages": [{"name": "worker-1", "process_id": 11, "layers": [0, 2], "weights": "q8_0",
         "memory_bytes": 1048576, "busy": 0.4, "waiting": 0.55, "sending": 0.05,
         "step_seconds_median": 0.0005, "steps": 77}],
       "vision_nodes": [{"name": "vision", "process_id": 13, "images": 9, "busy": 0.1}],
       "spares": [{"name": "worker-2", "left_out": "drained"}],
       "losses": [{"name": "worker-3", "reason": "its disk is full", "seconds_ago": 7}],
       "last_interruption": {"reason": "worker-1 was lost", "seconds_ago": 65, "seconds": 0.0125,
         "queries": 1, "rebuilt_positions": 60}}
      """
    do { return try JSONDecoder().decode(ClusterStatus.self, from: Data(json.utf8)) } catch {
      preconditionFailure("the test's own status cannot be read: \(error)")
    }
  }()
}

extension ServedText {
  /// Each character is a token.
  static let fake = ServedText(
    name: "mini", contextTokens: 2048, notation: "mini",
    tokenize: { text, adds in (adds ? [1] : []) + text.unicodeScalars.map { Int32($0.value) } },
    detokenize: { tokens in
      String(String.UnicodeScalarView(tokens.compactMap { Unicode.Scalar(UInt32($0)) }))
    })
}
