/// Which tensors take the format that the operator asks for.

public import Compute

extension WeightFormat {
  /// What a tensor is brought to where weights are to be held in this format; nil leaves it as it is
  /// stored. Rows that are no whole blocks cannot be quantised, and more bits than a quantised tensor
  /// has would not bring back what it has lost.
  public func held(_ name: String, shape: [Int], storedAs stored: WeightFormat?) -> WeightFormat? {
    guard shape.count > 1 else { return nil }
    guard isQuantized else { return self }
    let columns = shape.dropFirst().reduce(1, *)
    guard columns % blockElements == 0 else { return nil }
    let hasBits = stored?.isQuantized != true
    if name.hasPrefix("vision_tower.encoder.layers.") { return hasBits ? .q8_0 : nil }
    guard name.hasPrefix("language_model.") else { return nil }
    if name.hasSuffix("_proj.weight") { return self }
    if name.hasSuffix("lm_head.weight"), self == .q4_0, hasBits { return .q8_0 }
    return nil
  }
}
