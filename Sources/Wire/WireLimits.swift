/// Every limit of the wire, in one place. What goes out is held to the same limits as what comes
/// in.
///
/// Two processes that talk must agree; the defaults are what this protocol version promises.
public struct WireLimits: Sendable, Equatable {
  /// The limits of this protocol version.
  public static let standard = WireLimits()

  // MARK: Bytes

  /// Bytes of one packed message: 256 MiB.
  public var messageBytes = 256 << 20
  /// Bytes of one image file: 64 MiB.
  public var imageBytes = 64 << 20
  /// Bytes of one text in UTF-8: 1 MiB.
  public var textBytes = 1 << 20
  /// Bytes of one name in UTF-8.
  public var nameBytes = 128
  /// Bytes of one endpoint.
  public var endpointBytes = 256

  // MARK: Queries and answers

  /// Images of one referring query.
  public var queryImages = 16
  /// Turns of one referring query.
  public var queryTurns = 256
  /// Regions of one turn, and of one answer.
  public var turnRegions = 256
  /// Coordinates of one region: 256 corners.
  public var regionCoordinates = 512
  /// Pixels along an edge of an image or of the model's square.
  public var imageEdge = 65_535
  /// Process reports of one answer.
  public var processes = 1024

  /// Texts that end an answer.
  public var stopTexts = 16
  /// Bytes of a text that ends an answer.
  public var stopTextBytes = 1 << 10
  /// Bytes of a user's name.
  public var userBytes = 256
  /// Tokens of a raw prompt.
  public var promptTokens = 1 << 20
  /// Likeliest tokens beside a sampled one.
  public var likeliestTokens = 20
  /// Bytes that a token may spell.
  public var spellingBytes = 1 << 16
  /// Tokens that come with one text.
  public var answerTokens = 1 << 16

  // MARK: Pipelines

  /// Stages of one pipeline.
  public var stages = 1024
  /// Public keys of a cluster's workers, or of its vision nodes.
  public var memberKeys = 4096
  /// Decoder layers of one model.
  public var layers = 4096
  /// Token positions of one KV block.
  public var blockTokens = 65_536
  /// Images whose features stage 0 holds at once.
  public var featureCredits = 65_536
  /// Images of one ReleaseFeatures.
  public var releasedImages = 65_536

  // MARK: Steps

  /// Spans of one step.
  public var stepSpans = 1024
  /// Tokens of one step, all spans together; also feature rows of one image.
  public var stepTokens = 65_536
  /// KV blocks of one step, all spans together.
  public var stepBlocks = 1 << 20
  /// KV blocks of one span.
  public var spanBlocks = 65_536
  /// Splices of one span.
  public var spanSplices = 64
  /// Numbers of one tensor: 64 Mi, which is 256 MiB in f32.
  public var tensorElements = 64 << 20

  // MARK: Transfer

  /// Members that an Assignment names as sources of tensors.
  public var tensorSources = 64
  /// Files of one Manifest.
  public var manifestFiles = 16
  /// Bytes of one file of a Manifest: 1 MiB.
  public var manifestFileBytes = 1 << 20
  /// Tensors of one Manifest.
  public var manifestTensors = 4096
  /// Bytes of a tensor's name, and of the name of a part.
  public var tensorNameBytes = 256
  /// Dimensions of a stored tensor.
  public var tensorDimensions = 8
  /// Bytes of a stored tensor: 1 TiB.
  public var tensorBytes = 1 << 40
  /// Bytes of one TensorChunk, and of one KVContents: 4 MiB.
  public var chunkBytes = 4 << 20
  /// KV blocks of one KVRequest.
  public var chunkBlocks = 4096
  /// KV blocks that an Assignment has fetched.
  public var assignedBlocks = 1 << 20

  /// The standard limits, to be lowered one by one.
  public init() {}

  /// The memory that unpacking a message of `bytes` bytes may ask for, in bytes.
  ///
  /// A bytes field asks for its own size once. Submessages and packed numbers ask for more than
  /// they take on the wire: up to 16 times in the densest message that keeps the rules, a step full
  /// of one-token splices; 64 MiB hold the most of them that these limits allow. Empty submessages,
  /// which no rule allows, would ask for 50 times. 1 MiB covers what small messages need on top.
  func unpackBytes(for bytes: Int) -> Int {
    bytes + min(15 * bytes, 64 << 20) + (1 << 20)
  }
}
