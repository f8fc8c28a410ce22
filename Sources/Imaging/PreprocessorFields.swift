internal import Foundation

/// Typed access to the fields of a preprocessor configuration; every complaint names field and
/// file. A `null` counts as missing, as in Hugging Face transformers.
struct PreprocessorFields {
  private let values: [String: JSONField]
  private let file: String

  init(json: [UInt8], file: String) throws(ImagingError) {
    guard json.count <= PreprocessorConfiguration.bytesMax else {
      throw ImagingError(
        .invalidConfiguration, "\(file) has \(json.count) bytes, which is too many")
    }
    let root: JSONField
    do {
      root = try JSONDecoder().decode(JSONField.self, from: Data(json))
    } catch {
      throw ImagingError(.invalidConfiguration, "\(file) is not valid JSON")
    }
    guard case .object(let values) = root else {
      throw ImagingError(.invalidConfiguration, "\(file) does not hold a JSON object")
    }
    self.init(values: values, file: file)
  }

  private init(values: [String: JSONField], file: String) {
    self.values = values
    self.file = file
  }

  func error(_ name: String, _ complaint: String) -> ImagingError {
    ImagingError(.invalidConfiguration, "\(name) in \(file) \(complaint)")
  }

  private func value(_ name: String) -> JSONField? {
    values[name].flatMap { $0 == .null ? nil : $0 }
  }

  func object(_ name: String) throws(ImagingError) -> PreprocessorFields? {
    guard let value = value(name) else { return nil }
    guard case .object(let inner) = value else { throw error(name, "must be an object") }
    return PreprocessorFields(values: inner, file: file)
  }

  func flag(_ name: String) throws(ImagingError) -> Bool? {
    guard let value = value(name) else { return nil }
    guard case .flag(let flag) = value else { throw error(name, "must be true or false") }
    return flag
  }

  func number(_ name: String) throws(ImagingError) -> Double? {
    guard let value = value(name) else { return nil }
    guard case .number(let number) = value, Float(number).isFinite else {
      throw error(name, "must be a number")
    }
    return number
  }

  func text(_ name: String, among known: [String]) throws(ImagingError) -> String? {
    guard let value = value(name) else { return nil }
    guard case .text(let text) = value, known.contains(text) else {
      throw error(name, "must be one of \(known.joined(separator: ", "))")
    }
    return text
  }

  /// One number for all three channels, or one for each.
  func channels(_ name: String) throws(ImagingError) -> [Double]? {
    guard let value = value(name) else { return nil }
    var items = [value]
    if case .list(let list) = value {
      items = list
    } else {
      items = [value, value, value]
    }
    let numbers = items.compactMap { item -> Double? in
      guard case .number(let number) = item, Float(number).isFinite else { return nil }
      return number
    }
    guard numbers.count == 3, items.count == 3 else {
      throw error(name, "must hold three numbers, one for each of red, green and blue")
    }
    return numbers
  }

  func resampling(_ name: String) throws(ImagingError) -> Resampling? {
    guard let number = try number(name) else { return nil }
    guard let raw = Int(exactly: number), let resampling = Resampling(rawValue: raw) else {
      throw error(name, "is \(number), which is none of Pillow's filters 0…5")
    }
    return resampling
  }

  /// A number, `{shortest_edge}` or `{height, width}`.
  func resizeTarget(
    _ name: String
  ) throws(ImagingError) -> PreprocessorConfiguration.ResizeTarget? {
    guard let value = value(name) else { return nil }
    if case .number = value { return .shortestEdge(try side(name)) }
    guard case .object(let inner) = value else {
      throw error(name, "must be a number or an object")
    }
    let fields = PreprocessorFields(values: inner, file: file)
    guard fields.value("longest_edge") == nil else {
      throw error(name, "has longest_edge, which is not supported")
    }
    if fields.value("shortest_edge") != nil {
      return .shortestEdge(try fields.side("shortest_edge", of: name))
    }
    return .exactly(
      width: try fields.side("width", of: name), height: try fields.side("height", of: name))
  }

  /// A number or `{height, width}`.
  func cropSize(_ name: String) throws(ImagingError) -> PreprocessorConfiguration.CropSize? {
    guard let value = value(name) else { return nil }
    if case .number = value {
      let side = try side(name)
      return .init(width: side, height: side)
    }
    guard let fields = try object(name) else { return nil }
    return .init(
      width: try fields.side("width", of: name), height: try fields.side("height", of: name))
  }

  private func side(_ name: String, of parent: String? = nil) throws(ImagingError) -> Int {
    let path = parent.map { "\($0).\(name)" } ?? name
    guard let value = value(name) else { throw error(path, "is missing") }
    guard case .number(let number) = value, let side = Int(exactly: number),
      (1...PreprocessorConfiguration.sideMax).contains(side)
    else {
      throw error(path, "must be a whole number from 1 to \(PreprocessorConfiguration.sideMax)")
    }
    return side
  }
}
