/// How layers are named to people.

/// A run of decoder layers, counted from 0: "layer 3" or "layers 0–3".
public func layersText(_ layers: Range<Int>) -> String {
  layers.count == 1
    ? "layer \(layers.lowerBound)" : "layers \(layers.lowerBound)–\(layers.upperBound - 1)"
}
