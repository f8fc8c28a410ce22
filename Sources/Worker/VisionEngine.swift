/// The vision encoder, computing on a thread of its own.

internal import Checkpoints
internal import Compute
internal import Crypto
internal import Imaging
internal import Messaging
internal import Models
internal import Referring
internal import Wire

/// Decodes pictures, brings them to the model's square and encodes them, one after the other.
actor VisionEngine {
  private nonisolated let thread: Reactor
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  private let encoder: CLIPVisionEncoder
  private let team: ThreadTeam
  private let preprocessor: PreprocessorConfiguration
  private let clock = ContinuousClock()

  /// What comes of an image.
  enum Result: Sendable {
    case features(ImageFeatures)
    case failed(WireError)
  }

  init(checkpoint: Checkpoint, team: ThreadTeam, thread: Reactor) throws {
    self.thread = thread
    self.team = team
    encoder = try CLIPVisionEncoder(
      loading: checkpoint.weights("vision_tower"), configuration: checkpoint.configuration)
    preprocessor = try PreprocessorConfiguration(directory: checkpoint.directory)
  }

  /// Encodes images in order until there are no more.
  func run(
    _ requests: AsyncStream<(EncodeImage, WireDataType)>,
    into results: AsyncStream<Result>.Continuation
  ) async {
    team.bindCaller()
    for await (request, type) in requests {
      do throws(Refusal) {
        results.yield(.features(try encode(request, type)))
      } catch {
        results.yield(
          .failed(
            WireError(
              code: .invalidImage, text: error.cause, remedy: error.remedy, image: request.image)))
      }
    }
    results.finish()
  }

  /// Why an image is not encoded.
  private struct Refusal: Error {
    let cause: String
    var remedy = ""
  }

  private func encode(
    _ request: EncodeImage, _ type: WireDataType
  ) throws(Refusal) -> ImageFeatures {
    let started = clock.now
    let pixels = try pixelValues(request)
    let decoded = clock.now
    let features = encoder.encode(pixels, on: team)
    return ImageFeatures(
      epoch: request.epoch, image: request.image, features: features.wireTensor(type),
      decodeSeconds: (decoded - started).seconds, encodeSeconds: (clock.now - decoded).seconds,
      startSeconds: ProcessClock.seconds(at: started))
  }

  /// The encoder's input, `[3, side, side]`.
  private func pixelValues(_ request: EncodeImage) throws(Refusal) -> [Float] {
    guard Array(SHA256.hash(data: request.file)) == request.fileDigest else {
      throw Refusal(cause: "the image's bytes do not have the digest that was sent with them")
    }
    let geometry: ImageGeometry
    do throws(ReferringError) {
      geometry = try ImageGeometry(request.geometry)
    } catch {
      throw Refusal(cause: error.message, remedy: error.remedy)
    }
    do throws(ImagingError) {
      let image = try PixelImage(decoding: request.file)
      let original = ImageSize(width: image.width, height: image.height)
      guard geometry.original == original, geometry.side == encoder.imageSide else {
        throw ImagingError(
          .invalidPlacement,
          "it is \(image.width)×\(image.height) pixels for a square of \(encoder.imageSide); "
            + "its geometry says otherwise")
      }
      return try geometry.placement(padFill: preprocessor.padFill).pixelValues(
        of: image, resampling: preprocessor.resampling, normalization: preprocessor.normalization)
    } catch {
      throw Refusal(cause: "the image cannot be decoded: \(error.message)", remedy: error.remedy)
    }
  }
}
