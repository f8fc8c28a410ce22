/// What runs where, predicted and measured, for people and monitoring.

/// The state of a cluster at one moment. As JSON its keys are in snake_case.
public struct ClusterStatus: Sendable, Codable, Equatable {
  public struct Model: Sendable, Codable, Equatable {
    /// The last part of the checkpoint's directory.
    public var name: String
    /// SHA-256 that identifies the checkpoint, in hexadecimal.
    public var digest: String
    public var layers: Int
    /// Positions that one sequence may have.
    public var contextTokens: Int

    enum CodingKeys: String, CodingKey {
      case name, digest, layers
      case contextTokens = "context_tokens"
    }
  }

  public struct Queries: Sendable, Codable, Equatable {
    /// Queries of which tokens are being computed.
    public var running: Int
    /// Queries that wait for images, KV blocks or a plan.
    public var waiting: Int
  }

  public struct TokensPerSecond: Sendable, Codable, Equatable {
    /// Prompt tokens computed, over the last ten seconds.
    public var prompt: Double
    /// Tokens sampled, over the last ten seconds.
    public var new: Double
  }

  public struct KV: Sendable, Codable, Equatable {
    public var blocks: Int
    /// Blocks that hold nothing.
    public var free: Int
    /// Blocks that no sequence uses and that hold the tokens of ended ones.
    public var cached: Int
    public var blockTokens: Int

    enum CodingKeys: String, CodingKey {
      case blocks, free, cached
      case blockTokens = "block_tokens"
    }
  }

  public struct Prefix: Sendable, Codable, Equatable {
    /// Prompt tokens found in the prefix cache since the start.
    public var hitTokens: Int
    /// Prompt tokens asked for since the start.
    public var askedTokens: Int

    enum CodingKeys: String, CodingKey {
      case hitTokens = "hit_tokens"
      case askedTokens = "asked_tokens"
    }
  }

  public struct Features: Sendable, Codable, Equatable {
    /// Images whose features stage 0 holds, or is about to.
    public var held: Int
    /// Bytes that they take there.
    public var bytes: Int
    /// Images that were not encoded because their features were held, since the start.
    public var hits: Int
  }

  public struct Predicted: Sendable, Codable, Equatable {
    /// The plan's time of one token at the slowest stage, in seconds; 0 without a plan.
    public var stepSeconds: Double

    enum CodingKeys: String, CodingKey {
      case stepSeconds = "step_seconds"
    }
  }

  public struct Stage: Sendable, Codable, Equatable {
    public var name: String
    public var processID: UInt64
    /// The first layer and how many.
    public var layers: [Int]
    /// How the matrices are held: "stored", or the name of a format.
    public var weights: String
    /// Bytes of weights and KV blocks that the stage holds.
    public var memoryBytes: Int
    /// Share of time computing, 0 to 1, over the last heartbeats.
    public var busy: Double
    /// Share of time neither computing nor sending.
    public var waiting: Double
    /// Share of time packing and sending results; it may overlap with computing.
    public var sending: Double
    /// Median time computing one of the last steps, in seconds.
    public var stepSecondsMedian: Double
    /// Steps computed in this plan.
    public var steps: Int

    enum CodingKeys: String, CodingKey {
      case name, layers, weights, busy, waiting, sending, steps
      case processID = "process_id"
      case memoryBytes = "memory_bytes"
      case stepSecondsMedian = "step_seconds_median"
    }
  }

  public struct VisionNode: Sendable, Codable, Equatable {
    public var name: String
    public var processID: UInt64
    /// Images encoded since it joined.
    public var images: Int
    /// Share of time computing, 0 to 1, over the last heartbeats.
    public var busy: Double

    enum CodingKeys: String, CodingKey {
      case name, images, busy
      case processID = "process_id"
    }
  }

  public struct Spare: Sendable, Codable, Equatable {
    public var name: String
    /// Why it gets no layers: it is drained, or comes and goes; empty if it may take over at any time.
    public var leftOut: String

    enum CodingKeys: String, CodingKey {
      case name
      case leftOut = "left_out"
    }
  }

  /// A member that was lost: it did not leave in good order.
  public struct Loss: Sendable, Codable, Equatable {
    public var name: String
    /// What was seen of its end, or what it said itself.
    public var reason: String
    /// How long ago it was.
    public var secondsAgo: Double

    enum CodingKeys: String, CodingKey {
      case name, reason
      case secondsAgo = "seconds_ago"
    }
  }

  /// A time without a plan while queries were, or would have been, under way.
  public struct Interruption: Sendable, Codable, Equatable {
    /// What ended the plan.
    public var reason: String
    /// How long ago it began.
    public var secondsAgo: Double
    /// How long it took until the next plan stood; nil while none does.
    public var seconds: Double?
    /// Queries that were under way, and went on.
    public var queries: Int
    /// Positions that the stage which took a lost one's place was sent once more by the one before it;
    /// nil where all stages computed the queries anew.
    public var rebuiltPositions: Int?

    enum CodingKeys: String, CodingKey {
      case reason, seconds, queries
      case secondsAgo = "seconds_ago"
      case rebuiltPositions = "rebuilt_positions"
    }
  }

  /// Whether queries can be answered.
  public var ready: Bool
  /// What is waited for where they cannot, for people; empty where they can.
  public var waitingFor: String
  /// Whether queries are taken: they wait for a plan if one stood before.
  public var takesQueries: Bool
  /// The plan's version; 0 before the first.
  public var epoch: UInt64
  public var model: Model
  public var queries: Queries
  public var tokensPerSecond: TokensPerSecond
  public var kv: KV
  public var prefix: Prefix
  public var features: Features
  public var predicted: Predicted
  /// In the order of the pipeline.
  public var stages: [Stage]
  public var visionNodes: [VisionNode]
  /// Decoder workers without layers.
  public var spares: [Spare]
  /// The members that were lost last, at most eight, the latest first. They may have come back since.
  public var losses: [Loss]
  /// The last time without a plan; nil if there was none.
  public var lastInterruption: Interruption?
  public var uptimeSeconds: Double

  enum CodingKeys: String, CodingKey {
    case waitingFor = "waiting_for"
    case takesQueries = "takes_queries"
    case lastInterruption = "last_interruption"
    case ready, epoch, model, queries, kv, prefix, features, predicted, stages, spares, losses
    case tokensPerSecond = "tokens_per_second"
    case visionNodes = "vision_nodes"
    case uptimeSeconds = "uptime_seconds"
  }
}
