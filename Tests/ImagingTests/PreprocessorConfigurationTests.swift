import Imaging
import Testing

@Suite("Preprocessor configuration")
struct PreprocessorConfigurationTests {
  private func parse(_ json: String) throws -> PreprocessorConfiguration {
    try PreprocessorConfiguration(json: Array(json.utf8), file: "preprocessor_config.json")
  }

  @Test("a checkpoint's file, and the same nested in processor_config.json, are read alike")
  func files() throws {
    let plain = try PreprocessorConfiguration(
      json: Fixture.bytes("pixels/golden.json"), file: "preprocessor_config.json")
    let nested = try PreprocessorConfiguration(
      json: Fixture.bytes("pixels/processor_config.json"), file: "processor_config.json")
    #expect(plain == nested)
    #expect(plain.resize == .shortestEdge(56))
    #expect(plain.centreCrop == .init(width: 56, height: 56))
    #expect(plain.resampling == .bicubic)
    #expect(plain.normalization.mean == [0.48145466, 0.4578275, 0.40821073])
  }

  @Test("missing and null keys are CLIP's")
  func defaults() throws {
    let empty = try parse("{}")
    #expect(empty.resize == .shortestEdge(224))
    #expect(empty.centreCrop == .init(width: 224, height: 224))
    #expect(empty.normalization.rescaleFactor == 1.0 / 255)
    #expect(empty.normalization.std == [0.26862954, 0.26130258, 0.27577711])
    #expect(empty.padFill == PixelColour(122, 116, 104))
    #expect(!empty.padsToSquare && empty.convertsToRGB)
    #expect(try parse(#"{"size": null, "do_resize": null, "image_mean": null}"#) == empty)
  }

  @Test("each form of size and padding is understood")
  func forms() throws {
    #expect(try parse(#"{"size": 448}"#).resize == .shortestEdge(448))
    #expect(
      try parse(#"{"size": {"height": 3, "width": 5}}"#).resize == .exactly(width: 5, height: 3))
    #expect(try parse(#"{"crop_size": 336}"#).centreCrop == .init(width: 336, height: 336))
    #expect(try parse(#"{"do_resize": false}"#).resize == nil)
    #expect(try parse(#"{"do_center_crop": false}"#).centreCrop == nil)
    #expect(try parse(#"{"do_pad": true}"#).padsToSquare)
    #expect(try parse(#"{"image_aspect_ratio": "pad"}"#).padsToSquare)
    #expect(try parse(#"{"resample": 2}"#).resampling == .bilinear)
    let raw = try parse(#"{"do_rescale": false, "do_normalize": false}"#).normalization
    #expect(raw == (try PixelNormalization(rescaleFactor: nil)))
    let half = try parse(#"{"image_mean": 0.5, "image_std": [0.5, 0.5, 0.5]}"#)
    #expect(half.normalization.mean == [0.5, 0.5, 0.5])
    #expect(half.padFill == PixelColour(127, 127, 127))
  }

  @Test(
    "what cannot be followed is refused, naming field and file",
    arguments: [
      (#"{"size": "big"}"#, "size"), (#"{"size": {"height": 5}}"#, "size.width"),
      (#"{"size": {"shortest_edge": 0}}"#, "size.shortest_edge"), (#"{"size": 1e300}"#, "size"),
      (#"{"size": {"shortest_edge": 3, "longest_edge": 9}}"#, "longest_edge"),
      (#"{"crop_size": {"height": 2.5, "width": 2}}"#, "crop_size.height"),
      (#"{"crop_size": [1, 2]}"#, "crop_size"), (#"{"do_resize": 1}"#, "do_resize"),
      (#"{"resample": 6}"#, "resample"), (#"{"resample": true}"#, "resample"),
      (#"{"image_mean": [0.5, 0.5]}"#, "image_mean"), (#"{"image_std": [0, 1, 1]}"#, "image_std"),
      (#"{"image_std": [1e-60, 1, 1]}"#, "image_std"),
      (#"{"image_mean": ["a", 1, 1]}"#, "image_mean"),
      (#"{"rescale_factor": "1/255"}"#, "rescale_factor"),
      (#"{"image_processor": 3}"#, "image_processor"),
      (#"{"image_aspect_ratio": "anyres"}"#, "image_aspect_ratio"), ("[1]", "object"),
      ("{", "JSON"),
      (#"{"rescale_factor": NaN}"#, "JSON"),
    ])
  func refusals(json: String, field: String) {
    let error = #expect(throws: ImagingError.self) { try parse(json) }
    #expect(error?.code == .invalidConfiguration)
    #expect(error?.message.contains(field) == true, "\(error?.message ?? "")")
    #expect(error?.message.contains("preprocessor_config.json") == true)
  }
}
