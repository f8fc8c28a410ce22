/// Pictures at the limits.

import Foundation
import Testing

enum Pictures {
  /// A PNG of one red pixel.
  static func onePixel() throws -> [UInt8] {
    try bytes(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLv
      AAAAAElFTkSuQmCC
      """)
  }

  /// A PNG whose header claims 30,000 × 30,000 pixels.
  static func huge() throws -> [UInt8] {
    try bytes(
      """
      iVBORw0KGgoAAAANSUhEUgAAdTAAAHUwCAIAAADpRW/tAAAAC0lEQVR4nGNggAEAAAoAAX+AdF4A
      AAAASUVORK5CYII=
      """)
  }

  private static func bytes(_ base64: String) throws -> [UInt8] {
    Array(try #require(Data(base64Encoded: base64, options: .ignoreUnknownCharacters)))
  }
}
