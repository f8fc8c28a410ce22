/// A part of a message's content: text, an image, or a region of an image.

package enum ContentPart: Decodable, Sendable, Equatable {
  case text(String)
  /// A data: URI, or the address of an image.
  case image(url: String)
  case region(RegionPart)

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    let type = try fields.required(.type, as: String.self)
    switch type {
    case "text":
      self = .text(try fields.required(.text, as: String.self))
    case "image_url":
      if let url = try? fields.decode(String.self, forKey: .imageURL) {
        self = .image(url: url)
      } else {
        self = .image(url: try fields.required(.imageURL, as: ImageURL.self).url)
      }
    case "region":
      self = .region(try fields.required(.region, as: RegionPart.self))
    default:
      throw fields.path(.type).error(
        "is \"\(type.prefix(40))\", not text, image_url or region", code: "invalid_value")
    }
  }

  private struct ImageURL: Decodable {
    let url: String
  }

  enum CodingKeys: String, CodingKey {
    case type, text, region
    case imageURL = "image_url"
  }
}
