/// The limits on what a referring query may hold and what is read out of an answer.
public enum ReferringLimits {
  /// Largest width or height of a picture.
  public static let imageSidePixelsMax = 1 << 20
  /// Largest side of a model's input square, and largest resize edge.
  public static let modelSidePixelsMax = 1 << 14
  /// Largest magnitude of a coordinate that is given to us.
  public static let coordinateMax = 1e9
  /// Most corners of a polygon that is given to us.
  public static let polygonPointCountMax = 64
  /// Longest text that one shape is read from.
  public static let shapeTextBytesMax = 16_384

  /// Most turns of a conversation.
  public static let turnCountMax = 256
  /// Longest text of one turn, and of the system text.
  public static let turnTextBytesMax = 65_536
  /// Longest text of all turns together.
  public static let queryTextBytesMax = 1 << 20
  /// Most regions in one turn.
  public static let turnRegionCountMax = 64
  /// Most `<region>` marks in one turn.
  public static let turnMarkCountMax = 256
  /// Longest name of a region.
  public static let regionNameBytesMax = 64
  /// Most images in a query.
  public static let imageCountMax = 64

  /// Most regions read out of one answer.
  public static let foundRegionCountMax = 256
  /// Most numbers in one bracket of an answer.
  public static let bracketNumberCountMax = 1024
  /// Longest number in an answer.
  public static let numberBytesMax = 32
}
