/// What the coordinator's state machine asks its actor to do.

internal import Messaging
internal import Wire

enum CoordinatorAction: Sendable {
  case send(Message, to: PeerIdentity)
  case report(ClusterEvent)
  /// Prepares a query beside the state machine, and hands the result to its `prepared`.
  case prepare(QueryName, Preparation)
  case trace(TraceEvent)
  /// Ends the connections of a key's owner.
  case cutOff(PublicKey)
}

/// Something that an operator wants to know.
public enum ClusterEvent: Sendable, Equatable, CustomStringConvertible {
  case joined(name: String, role: String, waitingFor: String)
  case refused(peer: String, reason: String)
  case left(name: String, reason: String)
  case lost(name: String, reason: String)
  case planned(epoch: UInt64, stages: [String], predicted: Double)
  case standsBy(name: String)
  case cannotPlan(reason: String)
  case ready(epoch: UInt64, stages: [String], seconds: Double)
  /// A plan ended with so many queries under way.
  case interrupted(reason: String, queries: Int)
  /// A stage that took a lost one's place was sent so many positions once more by the one before it.
  case rebuilt(name: String, positions: Int, from: String)
  /// They go on, so many seconds later.
  case recovered(seconds: Double, queries: Int)
  /// A worker that comes and goes is left out of plans for a while.
  case leftOut(name: String, seconds: Double)
  /// Another plan is being got ready while the one that stands is carried out.
  case moving(reason: String, stages: [String])
  /// So many KV blocks go to other workers with their layers; so many were copied before.
  case carried(blocks: Int, before: Int)
  /// KV blocks cannot go to other workers: what they hold is computed again.
  case notCarried(reason: String)
  /// A member is to get no more work.
  case draining(name: String)
  /// It has none any more, or its work cannot be moved.
  case drained(name: String, problem: String)
  case failedQuery(reason: String)
  case dropped(String)

  public var description: String {
    switch self {
    case .joined(let name, let role, let waiting):
      "\(name) joined as \(role)\(waiting.isEmpty ? "" : "; waiting for \(waiting)")"
    case .refused(let peer, let reason): "refused \(peer): \(reason)"
    case .left(let name, let reason): "\(name) left: \(reason)"
    case .lost(let name, let reason): "lost \(name): \(reason)"
    case .planned(let epoch, let stages, let predicted):
      "plan \(planNumber(epoch)): \(stages.joined(separator: " → ")); "
        + "predicted \(milliseconds(predicted)) a token at the slowest stage"
    case .standsBy(let name): "\(name) has no layers and stands by as a spare"
    case .cannotPlan(let reason): "no plan: \(reason)"
    case .ready(let epoch, let stages, let seconds):
      "ready: plan \(planNumber(epoch)) of \(stages.count) stage\(stages.count == 1 ? "" : "s") "
        + "stands after \(milliseconds(seconds))"
    case .interrupted(let reason, let queries):
      "\(reason); \(counted(queries)) for the next plan"
    case .rebuilt(let name, let positions, let source):
      "\(name) has the keys and values of \(positions) positions again, from what \(source) had sent"
    case .recovered(let seconds, let queries):
      "recovered after \(milliseconds(seconds)); \(queries == 0 ? "no query was under way" : "\(queries) go on")"
    case .leftOut(let name, let seconds):
      "\(name) comes and goes; it is left out of plans for \(milliseconds(seconds))"
    case .moving(let reason, let stages):
      "getting ready for \(stages.joined(separator: " → ")), since \(reason)"
    case .carried(let blocks, let before):
      "queries go on where they are: \(before) of \(blocks) KV blocks were copied before, the rest is now"
    case .notCarried(let reason): "what is under way will be computed again: \(reason)"
    case .draining(let name): "\(name) is to get no more work"
    case .drained(let name, let problem):
      problem.isEmpty
        ? "\(name) has no more work" : "\(name) cannot be spared: \(problem)"
    case .failedQuery(let reason): "a query failed: \(reason)"
    case .dropped(let what): "dropped \(what)"
    }
  }

  /// Whether it is news of something that went wrong.
  public var isTrouble: Bool {
    switch self {
    case .refused, .lost, .cannotPlan, .interrupted, .leftOut: true
    default: false
    }
  }
}

private func counted(_ queries: Int) -> String {
  queries == 1 ? "1 query waits" : "\(queries) queries wait"
}

/// A time for people, such as "3.4 ms".
func milliseconds(_ seconds: Double) -> String {
  let tenths = (seconds * 10_000).rounded() / 10
  return tenths >= 100 ? "\(Int(min(tenths, 1e15))) ms" : "\(tenths) ms"
}
