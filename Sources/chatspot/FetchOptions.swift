/// Taking the model from the cluster.

import ArgumentParser
import Foundation
import Transfer

struct FetchOptions: ParsableArguments {
  @Flag(
    help: """
      Take the model from the cluster: this machine needs no checkpoint. What is assigned comes from \
      other workers and the coordinator, is checked by SHA-256 and kept in the cache.
      """)
  var fetch = false

  @Option(
    help: ArgumentHelp(
      """
      Where --fetch keeps tensors. Processes of one machine may share it. Default: \
      $XDG_CACHE_HOME/chatspot or ~/.cache/chatspot.
      """, valueName: "directory"))
  var cache: String?

  @Option(
    help: """
      Bytes that the cache may hold: at least what this machine's workers hold together. What was \
      used longest ago goes first.
      """)
  var cacheBytes = 100_000_000_000

  func validate() throws {
    if cacheBytes < 1 { throw ValidationError("--cache-bytes must be positive.") }
    if !fetch, cache != nil { throw ValidationError("--cache goes with --fetch.") }
  }

  /// The cache to fetch into; nil without `--fetch`. Throws where it cannot be made.
  func tensorCache() throws -> TensorCache? {
    guard fetch else { return nil }
    return try TensorCache(
      directory: cache.map { URL(filePath: $0) } ?? TensorCache.defaultDirectory,
      bytesMax: cacheBytes)
  }
}
