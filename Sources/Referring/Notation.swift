/// How a model family writes a region as text, as data. Formatting is in `Notation+format.swift`,
/// reading in `NotationParser.swift`, the families in `Notation+families.swift`.
///
/// A notation only formats and parses: coordinates are in [0,1] of the model's square. How they
/// get there is ``ImageGeometry``'s business.
public struct Notation: Sendable, Equatable {
  /// Texts put before and after something; both empty for nothing.
  public struct Wrapper: Sendable, Equatable {
    public let open: String
    public let close: String

    public init(_ open: String, _ close: String) {
      self.open = open
      self.close = close
    }

    public static let none = Wrapper("", "")
    /// The one kind of bracket in use.
    public static let square = Wrapper("[", "]")
  }

  /// How several regions stand together.
  public enum Several: Sendable, Equatable {
    /// Each written in full, with this between them.
    case joined(String)
    /// All in one bracket, with this between them.
    case inOneBracket(String)
  }

  /// How a coordinate becomes digits after it was multiplied by ``scale``.
  public enum Digits: Sendable, Equatable {
    /// This many decimals (0 … 6), the exact binary value rounded to nearest, ties to even, as
    /// Python's `f"{v:.2f}"`.
    case decimals(Int)
    /// A whole number, the fraction dropped, as Python's `int(v * 1000)`.
    case truncated
  }

  public let name: String
  public let box: Wrapper
  public let point: Wrapper
  /// nil: the model knows no polygons, the bounding box is written in their place.
  public let polygon: Wrapper?
  public let bracket: Wrapper
  /// What stands between two numbers.
  public let separator: String
  public let several: Several
  /// What the far edge of the model's square is written as: 1 or 1000.
  public let scale: Int
  public let digits: Digits
  /// Whether `<Id1>Frame1:[…]</Id1>` tracks are read from answers.
  public let readsTracks: Bool
  /// How pictures were fitted into the square when the family was trained: the frame of the
  /// numbers.
  public let fit: ImageGeometry.Fit

  public init(
    name: String, box: Wrapper, point: Wrapper, polygon: Wrapper?, bracket: Wrapper = .square,
    separator: String, several: Several, scale: Int = 1, digits: Digits, readsTracks: Bool = false,
    fit: ImageGeometry.Fit
  ) {
    precondition((1...10_000).contains(scale), "a notation's scale is 1 to 10000")
    precondition(
      !bracket.open.isEmpty && !bracket.close.isEmpty, "a notation without brackets cannot be read")
    if case .decimals(let count) = digits {
      precondition((0...6).contains(count), "a notation has 0 to 6 decimals")
    }
    self.name = name
    self.box = box
    self.point = point
    self.polygon = polygon
    self.bracket = bracket
    self.separator = separator
    self.several = several
    self.scale = scale
    self.digits = digits
    self.readsTracks = readsTracks
    self.fit = fit
  }

  /// The most that one coordinate in [0,1] can change by being written and read.
  public var quantisation: Double {
    switch digits {
    case .truncated: return 1 / Double(scale)
    case .decimals(let count):
      return 0.5 / (Double(scale) * Double(Self.powersOfTen[count]))
    }
  }

  /// 10 to the number of decimals.
  static let powersOfTen = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000]
}
