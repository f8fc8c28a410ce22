/// What the operator of a journal chooses.

/// Settings of a journal.
public struct JournalSettings: Sendable {
  /// The file; it is made if it is not there.
  public var path: String
  /// How long an entry that has ended is kept, in seconds.
  public var keepSeconds = 24.0 * 3600
  /// Most entries that have ended; the oldest go first.
  public var entriesMax = 100_000
  /// Most pages of 4 KiB that the file may have; nil for what the disk has room for.
  public var pagesMax: Int?

  public init(path: String) { self.path = path }
}
