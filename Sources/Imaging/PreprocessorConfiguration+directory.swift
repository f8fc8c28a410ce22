/// Finding a checkpoint's preprocessor configuration.

public import Foundation

extension PreprocessorConfiguration {
  /// Reads `preprocessor_config.json` of a checkpoint's directory, or else the `image_processor` of
  /// its `processor_config.json`.
  ///
  /// Throws `invalidConfiguration` if neither is there or the one that is cannot be followed.
  public init(directory: URL) throws(ImagingError) {
    let names = ["preprocessor_config.json", "processor_config.json"]
    for name in names {
      let url = directory.appending(path: name)
      guard let data = try? Data(contentsOf: url) else { continue }
      self = try PreprocessorConfiguration(json: Array(data), file: url.path)
      return
    }
    throw ImagingError(
      .invalidConfiguration, "\(directory.path) has neither \(names[0]) nor \(names[1])",
      remedy: "They say how pictures are brought to the model's square")
  }
}
