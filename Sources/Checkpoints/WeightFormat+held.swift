/// Which tensors take the format that the operator asks for.

public import Compute

extension WeightFormat {
  /// What a tensor is brought to where weights are to be held in this format; nil leaves it as it is
  /// stored. Rows that are no whole blocks cannot be quantised.
  public func held(_ name: String, shape: [Int]) -> WeightFormat? {
    guard shape.count > 1 else { return nil }
    guard isQuantized else { return self }
    let columns = shape.dropFirst().reduce(1, *)
    guard name.hasPrefix("language_model."), columns % blockElements == 0 else { return nil }
    if name.hasSuffix("_proj.weight") { return self }
    if name.hasSuffix("lm_head.weight"), self == .q4_0 { return .q8_0 }
    return nil
  }
}
