/// Regions on the command line.

import ArgumentParser
import Foundation
import Referring
import Wire

/// `--box`, `--point` and `--polygon`, each as often as one likes, in the order in which they
/// stand.
struct RegionOptions: ParsableArguments {
  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("A box: two opposite corners.", valueName: "x1,y1,x2,y2"))
  var box: [String] = []

  @Option(parsing: .unconditionalSingleValue, help: ArgumentHelp("A point.", valueName: "x,y"))
  var point: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("A polygon of three or more corners.", valueName: "x,y x,y x,y"))
  var polygon: [String] = []

  @Flag(help: "Coordinates are shares of the image's width and height, in [0,1].")
  var normalized = false

  /// All regions in the order of the command line.
  func parsed() throws -> [WireRegion] {
    var rest = (box: box[...], point: point[...], polygon: polygon[...])
    var shapes: [RegionShape] = []
    // Options of different names come in lists of their own; their order stands in the arguments.
    for argument in CommandLine.arguments {
      switch argument.prefix(while: { $0 != "=" }) {
      case "--box": if let text = rest.box.popFirst() { shapes.append(try RegionShape(box: text)) }
      case "--point":
        if let text = rest.point.popFirst() { shapes.append(try RegionShape(point: text)) }
      case "--polygon":
        if let text = rest.polygon.popFirst() { shapes.append(try RegionShape(polygon: text)) }
      default: break
      }
    }
    return shapes.map { WireRegion($0, frame: normalized ? .normalized : .pixels) }
  }
}

extension WireRegion {
  init(_ shape: RegionShape, frame: Frame) {
    switch shape {
    case .point(let point):
      self.init(kind: .point, frame: frame, coordinates: [point.x, point.y])
    case .box(let box):
      self.init(kind: .box, frame: frame, coordinates: [box.x1, box.y1, box.x2, box.y2])
    case .polygon(let points):
      self.init(kind: .polygon, frame: frame, coordinates: points.flatMap { [$0.x, $0.y] })
    }
  }
}
