/// What a checkpoint's `preprocessor_config.json` asks for. It describes; the geometry is computed
/// elsewhere and comes back as a ``PixelPlacement``. Missing keys are CLIP's
/// (Hugging Face transformers, `CLIPImageProcessor`).
public struct PreprocessorConfiguration: Sendable, Equatable {
  /// What `size` asks for, in pixels.
  public enum ResizeTarget: Sendable, Equatable {
    /// The shorter side becomes this long; the other follows, rounded down.
    case shortestEdge(Int)
    /// Both sides are set, whatever the aspect.
    case exactly(width: Int, height: Int)
  }

  /// Width and height of a crop, in pixels.
  public struct CropSize: Sendable, Equatable {
    public var width: Int
    public var height: Int

    public init(width: Int, height: Int) {
      self.width = width
      self.height = height
    }
  }

  /// `size`, or `nil` where `do_resize` is false.
  public var resize: ResizeTarget? = .shortestEdge(224)
  public var resampling: Resampling = .bicubic
  /// `crop_size`, or `nil` where `do_center_crop` is false.
  public var centreCrop: CropSize? = CropSize(width: 224, height: 224)
  /// `do_pad`, or `image_aspect_ratio` "pad": pad to a square, centred, before resizing
  /// (LLaVA-1.5).
  public var padsToSquare = false
  /// The colour of that padding: the whole part of `image_mean` × 255.
  public var padFill = PixelColour(122, 116, 104)
  /// `rescale_factor`, `image_mean` and `image_std`, as far as `do_rescale` and `do_normalize` ask.
  public var normalization: PixelNormalization
  /// `do_convert_rgb`. Pictures are always decoded to RGB; where this is false the checkpoint
  /// expected its caller to have done so.
  public var convertsToRGB = true

  /// Largest configuration file, in bytes.
  public static let bytesMax = 1 << 20
  /// Longest side that a configuration may ask for, in pixels.
  public static let sideMax = PixelPlacement.sideMax

  /// Reads `preprocessor_config.json`, or the `image_processor` of a `processor_config.json`.
  /// `file` names the file in errors.
  ///
  /// Throws `invalidConfiguration` naming the field and the file: not JSON, a wrong type, a value
  /// that cannot be followed.
  public init(json: [UInt8], file: String) throws(ImagingError) {
    var fields = try PreprocessorFields(json: json, file: file)
    if let nested = try fields.object("image_processor") { fields = nested }

    if try fields.flag("do_resize") ?? true {
      resize = try fields.resizeTarget("size") ?? .shortestEdge(224)
    } else {
      resize = nil
    }
    if try fields.flag("do_center_crop") ?? true {
      centreCrop = try fields.cropSize("crop_size") ?? CropSize(width: 224, height: 224)
    } else {
      centreCrop = nil
    }
    resampling = try fields.resampling("resample") ?? .bicubic
    let aspect = try fields.text("image_aspect_ratio", among: ["pad", "square"])
    padsToSquare = try fields.flag("do_pad") ?? (aspect == "pad")
    convertsToRGB = try fields.flag("do_convert_rgb") ?? true

    let mean = try fields.channels("image_mean") ?? [0.48145466, 0.4578275, 0.40821073]
    let std = try fields.channels("image_std") ?? [0.26862954, 0.26130258, 0.27577711]
    let fill = mean.map { UInt8(min(max($0 * 255, 0), 255)) }
    padFill = PixelColour(fill[0], fill[1], fill[2])
    let factor = try fields.number("rescale_factor") ?? 1.0 / 255
    let rescales = try fields.flag("do_rescale") ?? true
    let normalises = try fields.flag("do_normalize") ?? true
    if normalises, std.contains(where: { Float($0) == 0 }) {
      throw fields.error("image_std", "has a deviation of zero")
    }
    normalization = try PixelNormalization(
      rescaleFactor: rescales ? factor : nil,
      mean: normalises ? mean.map { Float($0) } : [0, 0, 0],
      std: normalises ? std.map { Float($0) } : [1, 1, 1])
  }
}
