/// Why a region, a notation, a template or a referring query was refused.
public struct ReferringError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable, CaseIterable {
    /// A coordinate is not a finite number, or is absurdly large.
    case badNumber
    /// A point, box or polygon with too few or too many numbers.
    case wrongNumberCount
    /// A box or polygon without area.
    case emptyRegion
    /// Nothing of the region is in the picture.
    case outsideImage
    /// The region is in the picture, but not in the part of it that the model sees.
    case outsideModelView
    /// A picture, model square or resize edge of an impossible size.
    case badImageSize
    /// No notation, template or fit of this name.
    case unknownName
    /// A `<region>` mark for which no region was given.
    case markWithoutRegion
    /// A region that no mark refers to, in a text that has marks.
    case regionWithoutMark
    /// Two regions of a turn with one name, or a name that cannot stand in a mark.
    case badRegionName
    /// A region or a turn names an image that is not there, not yet shown, or shown twice.
    case badImageIndex
    /// The text of a user's turn is empty.
    case emptyQuestion
    /// Turns do not alternate, or do not begin and end with the user.
    case turnOrder
    /// Over one of ``ReferringLimits``.
    case limit
  }

  public let code: Code
  /// Names the cause with its values.
  public let message: String
  /// What the user can do; may be empty.
  public let remedy: String

  public init(_ code: Code, _ message: String, remedy: String = "") {
    self.code = code
    self.message = message
    self.remedy = remedy
  }

  public var description: String {
    remedy.isEmpty ? "\(message)." : "\(message). \(remedy)."
  }

  /// The same error, saying which of several things it is about.
  func about(_ subject: String) -> ReferringError {
    ReferringError(code, "\(subject): \(message)", remedy: remedy)
  }
}
