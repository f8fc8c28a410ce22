/// Why a picture, a placement or a preprocessor configuration was refused.
public struct ImagingError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable, Equatable {
    /// The bytes are no JPEG, PNG or WebP.
    case unsupportedFormat
    /// A JPEG, PNG or WebP of a kind that is not decoded, such as 12-bit JPEG.
    case unsupportedFeature
    /// The bytes end before the picture does.
    case truncated
    /// The bytes contradict themselves or a checksum.
    case corrupt
    /// More bytes, pixels or a longer side than ``ImageLimits`` allow.
    case tooLarge
    case outOfMemory
    /// A size or position that no picture can be resized, padded or cropped to.
    case invalidPlacement
    /// A `preprocessor_config.json` that cannot be followed.
    case invalidConfiguration
  }

  public let code: Code
  /// The cause, with the field or value concerned.
  public let message: String
  /// What can be done about it; may be empty.
  public let remedy: String

  public init(_ code: Code, _ message: String, remedy: String = "") {
    self.code = code
    self.message = message
    self.remedy = remedy
  }

  public var description: String {
    remedy.isEmpty ? "\(message)." : "\(message). \(remedy)"
  }
}
