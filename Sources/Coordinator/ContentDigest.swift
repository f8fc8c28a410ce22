/// What a prompt position holds, as far as it decides the KV cache: a token, or a row of an image.

internal import Crypto
internal import Wire

/// SHA-256 that tells contents apart.
struct ContentDigest: Sendable, Hashable {
  private let words: (UInt64, UInt64, UInt64, UInt64)

  init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

  init(_ digest: SHA256.Digest) {
    var words: [UInt64] = [0, 0, 0, 0]
    for (index, byte) in digest.enumerated() { words[index / 8] |= UInt64(byte) << (index % 8 * 8) }
    self.init(words: (words[0], words[1], words[2], words[3]))
  }

  /// The features that an image's file has after this preprocessing, from this model's encoder: the
  /// same digest only if all three are the same.
  init(fileDigest: [UInt8], geometry: WireImageGeometry, encoder: [UInt8]) {
    var hash = SHA256()
    // Each part has a fixed length, so that no part can be taken for its neighbour.
    precondition(fileDigest.count == 32 && encoder.count == 32)
    hash.update(data: fileDigest)
    hash.update(data: encoder)
    let numbers = [
      Int(geometry.fit.rawValue), geometry.originalWidth, geometry.originalHeight, geometry.side,
      geometry.shortestEdge,
    ]
    for number in numbers {
      hash.update(data: (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) })
    }
    self.init(hash.finalize())
  }

  static func == (left: ContentDigest, right: ContentDigest) -> Bool { left.words == right.words }

  func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

/// An image in a sequence.
struct SequenceImage: Sendable, Equatable {
  let digest: ContentDigest
  /// The positions that its rows take.
  let positions: Range<Int>
}

/// What a full KV block holds, and after what: equal only for the same tokens and image rows at the
/// same positions after the same beginning.
struct BlockContent: Sendable, Hashable {
  /// Rows of an image inside the block.
  struct Rows: Sendable, Hashable {
    let image: ContentDigest
    let firstRow: Int
    /// The block's positions that they take.
    let positions: Range<Int>
  }

  /// The content before this block: the number that the pool gave to it.
  let parent: UInt64
  let tokens: [Int32]
  let rows: [Rows]

  /// The block's content after `parent` in a sequence of `tokens`.
  init(
    block: Int, blockTokens: Int, parent: UInt64, tokens: [Int32], images: [SequenceImage]
  ) {
    let positions = block * blockTokens..<(block + 1) * blockTokens
    self.parent = parent
    self.tokens = Array(tokens[positions])
    rows = images.compactMap { image in
      let part = image.positions.clamped(to: positions)
      guard !part.isEmpty else { return nil }
      return Rows(
        image: image.digest, firstRow: part.lowerBound - image.positions.lowerBound,
        positions: part.lowerBound - positions.lowerBound..<part.upperBound - positions.lowerBound)
    }
  }
}
