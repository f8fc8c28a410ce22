/// A checkpoint's dimensions for people.

import Checkpoints
import Compute
import Foundation

struct ModelReport {
  let checkpoint: Checkpoint

  init(_ checkpoint: Checkpoint) { self.checkpoint = checkpoint }

  func text(listsTensors: Bool) -> String {
    let configuration = checkpoint.configuration
    let (text, vision) = (configuration.text, configuration.vision)
    let (profile, featureLayers) = (
      checkpoint.profile, configuration.featureLayers.map(String.init)
    )
    let names = checkpoint.tensorNames
    let elements = names.reduce(0) {
      $0 + (checkpoint.describe($1)?.shape.reduce(1, *) ?? 0)
    }
    var formats: [String: Int] = [:]
    for name in names { formats[checkpoint.describe(name)?.encoding ?? "", default: 0] += 1 }
    let formatText = formats.sorted { $0.key < $1.key }.map { "\($0.value) in \($0.key)" }
    var lines = [
      "checkpoint   \(checkpoint.location.path)",
      "files        \(checkpoint.origin)",
      "tensors      \(names.count) (\(formatText.joined(separator: ", "))), \(elements) numbers, "
        + "\(checkpoint.byteCount(prefix: "")) bytes",
      "decoder      \(text.layers) layers, hidden \(text.hidden), mlp \(text.intermediate), "
        + "\(text.heads) heads, \(text.kvHeads) KV heads of \(text.headWidth), "
        + "vocabulary \(text.vocabulary)\(text.tiedHead ? ", tied head" : "")",
      "context      \(text.contextMax) tokens, RoPE theta \(text.ropeTheta), "
        + "scaling \(text.ropeScaling)",
      !checkpoint.hasEncoder
        ? "vision       none: \(checkpoint.reasonWithoutEncoder ?? "")"
        : "vision       \(vision.layers) layers, hidden \(vision.hidden), \(vision.heads) heads, "
          + "\(vision.imageSide) pixels in patches of \(vision.patchSide), "
          + "\(vision.activation.rawValue)",
      "features     of hidden state \(featureLayers.joined(separator: ", ")), "
        + "\(configuration.keepsClassToken ? "with" : "without") the class token",
      "referring    notation \(profile.notation), template "
        + "\(profile.template ?? "as the metadata say"), "
        + "geometry \(profile.geometry ?? "as the preprocessor says"), "
        + "weights \(profile.weightFormat?.rawValue ?? "as stored")",
    ]
    if listsTensors {
      for name in names {
        guard let tensor = checkpoint.describe(name) else { continue }
        lines.append("\(name)  \(tensor.encoding) \(tensor.shape)")
      }
    }
    return lines.joined(separator: "\n")
  }
}
