/// Requests that were accepted, kept until they are answered and for a while afterwards.

internal import Crypto
internal import Foundation
internal import GRDB

/// A file of accepted requests and their responses. What `accept` has returned for is there after
/// the process has died.
///
/// The queries and images of a request are kept until it ends; of one that has ended, its response
/// alone. Reads and writes have queues of their own and block no caller's thread.
public final class Journal: Sendable {
  private let settings: JournalSettings
  private let database: DatabasePool

  /// Opens the file, or makes it for this user's eyes alone. Throws `.notOpened`.
  public init(_ settings: JournalSettings) throws(JournalError) {
    self.settings = settings
    do {
      try Self.makePrivate(settings.path)
      var configuration = Configuration()
      configuration.label = "journal"
      configuration.busyMode = .timeout(5)
      let pagesMax = settings.pagesMax
      configuration.prepareDatabase { database in
        try database.execute(sql: "PRAGMA secure_delete = ON")
        if let pagesMax { try database.execute(sql: "PRAGMA max_page_count = \(pagesMax)") }
      }
      database = try DatabasePool(path: settings.path, configuration: configuration)
      try Self.migrator.migrate(database)
    } catch {
      throw JournalError(
        .notOpened, "the journal \(settings.path) cannot be opened: \(Self.cause(error))",
        remedy: "Name a file that this user may write, on a disk with room")
    }
  }

  /// Writes down a request before its queries are begun. Throws `.notWritten`.
  public func accept(_ entry: JournalEntry) async throws(JournalError) {
    try await write { database in
      try database.execute(
        sql: "INSERT INTO entry (id, accepted, request) VALUES (?, ?, ?)",
        arguments: [entry.id, entry.accepted, Data(entry.request)])
      for (position, query) in entry.queries.enumerated() {
        try database.execute(
          sql: "INSERT INTO query (entry, position, message) VALUES (?, ?, ?)",
          arguments: [entry.id, position, Data(query)])
      }
      for (position, image) in entry.images.enumerated() {
        let digest = Data(SHA256.hash(data: image))
        try database.execute(
          sql: "INSERT OR IGNORE INTO image (digest, file) VALUES (?, ?)",
          arguments: [digest, Data(image)])
        try database.execute(
          sql: "INSERT INTO shown (entry, position, digest) VALUES (?, ?, ?)",
          arguments: [entry.id, position, digest])
      }
    }
  }

  /// Writes down the response of a request; the first one stands. What was asked is forgotten.
  /// - Parameter now: seconds since 1970.
  ///
  /// Throws `.notWritten`.
  public func end(
    _ id: String, status: Int, body: [UInt8], now: Double
  ) async throws(JournalError) {
    try await write { [settings] database in
      try database.execute(
        sql: """
          UPDATE entry SET status = ?, body = ?, ended = ?, request = NULL
          WHERE id = ? AND ended IS NULL
          """, arguments: [status, Data(body), now, id])
      try Self.forgetQueries(of: id, in: database)
      try Self.prune(database, settings, now: now)
    }
  }

  /// Forgets a request, as if it had never come. Throws `.notWritten`.
  public func forget(_ id: String) async throws(JournalError) {
    try await write { database in
      try database.execute(sql: "DELETE FROM entry WHERE id = ?", arguments: [id])
      try Self.forgetQueries(of: id, in: database)
    }
  }

  /// Forgets what has been kept for long enough. Throws `.notWritten`.
  public func prune(now: Double) async throws(JournalError) {
    try await write { [settings] in try Self.prune($0, settings, now: now) }
  }

  /// How a request stands; nil for one that the journal does not know. Throws `.notOpened`.
  public func state(of id: String, now: Double) async throws(JournalError) -> JournalState? {
    let oldest = now - settings.keepSeconds
    return try await read { database in
      let row = try Row.fetchOne(
        database,
        sql: """
          SELECT request, status, body FROM entry
          WHERE id = ? AND (ended IS NULL OR ended >= ?)
          """, arguments: [id, oldest])
      guard let row else { return nil }
      if let request: Data = row["request"] { return .unfinished(request: Array(request)) }
      return .ended(status: row["status"], body: Array(row["body"] as Data))
    }
  }

  /// The names of requests that have not ended, in the order in which they came. Throws
  /// `.notOpened`.
  public func unfinished() async throws(JournalError) -> [String] {
    try await read { database in
      try String.fetchAll(
        database, sql: "SELECT id FROM entry WHERE ended IS NULL ORDER BY accepted, rowid")
    }
  }

  /// A request that has not ended, with all that is needed to ask it again; nil if it has, or is
  /// not known. Throws `.notOpened`.
  public func entry(_ id: String) async throws(JournalError) -> JournalEntry? {
    try await read { database in
      let row = try Row.fetchOne(
        database, sql: "SELECT accepted, request FROM entry WHERE id = ? AND ended IS NULL",
        arguments: [id])
      guard let row else { return nil }
      let queries = try Data.fetchAll(
        database, sql: "SELECT message FROM query WHERE entry = ? ORDER BY position",
        arguments: [id])
      let images = try Data.fetchAll(
        database,
        sql: """
          SELECT file FROM shown JOIN image USING (digest) WHERE entry = ? ORDER BY position
          """, arguments: [id])
      return JournalEntry(
        id: id, accepted: row["accepted"], request: Array(row["request"] as Data),
        queries: queries.map { Array($0) }, images: images.map { Array($0) })
    }
  }

  /// How many images are stored.
  func imageCount() async throws(JournalError) -> Int {
    try await read { try Int.fetchOne($0, sql: "SELECT count(*) FROM image") ?? 0 }
  }

  // MARK: SQL

  private static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("entries") { database in
      try database.execute(
        sql: """
          CREATE TABLE entry (
            id TEXT NOT NULL UNIQUE, accepted REAL NOT NULL, request BLOB,
            status INTEGER, body BLOB, ended REAL);
          CREATE INDEX entryEnded ON entry (ended);
          CREATE TABLE query (
            entry TEXT NOT NULL, position INTEGER NOT NULL, message BLOB NOT NULL,
            PRIMARY KEY (entry, position));
          CREATE TABLE image (digest BLOB PRIMARY KEY, file BLOB NOT NULL);
          CREATE TABLE shown (
            entry TEXT NOT NULL, position INTEGER NOT NULL, digest BLOB NOT NULL,
            PRIMARY KEY (entry, position));
          CREATE INDEX shownDigest ON shown (digest);
          """)
    }
    return migrator
  }

  private static func forgetQueries(of id: String, in database: Database) throws {
    try database.execute(sql: "DELETE FROM query WHERE entry = ?", arguments: [id])
    let digests = try Data.fetchAll(
      database, sql: "SELECT DISTINCT digest FROM shown WHERE entry = ?", arguments: [id])
    try database.execute(sql: "DELETE FROM shown WHERE entry = ?", arguments: [id])
    for digest in digests {
      try database.execute(
        sql: """
          DELETE FROM image
          WHERE digest = ? AND NOT EXISTS (SELECT 1 FROM shown WHERE shown.digest = image.digest)
          """, arguments: [digest])
    }
  }

  private static func prune(
    _ database: Database, _ settings: JournalSettings, now: Double
  ) throws {
    try database.execute(
      sql: "DELETE FROM entry WHERE ended < ?", arguments: [now - settings.keepSeconds])
    try database.execute(
      sql: """
        DELETE FROM entry WHERE ended IS NOT NULL AND ended <= (
          SELECT ended FROM entry WHERE ended IS NOT NULL
          ORDER BY ended DESC LIMIT 1 OFFSET ?)
        """, arguments: [settings.entriesMax])
  }

  private func write(
    _ body: @escaping @Sendable (Database) throws -> Void
  ) async throws(JournalError) {
    do { try await database.write(body) } catch {
      throw JournalError(
        .notWritten, "the journal \(settings.path) cannot be written: \(Self.cause(error))",
        remedy: "Make room on its disk")
    }
  }

  private func read<Value: Sendable>(
    _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws(JournalError) -> Value {
    do { return try await database.read(body) } catch {
      throw JournalError(
        .notOpened, "the journal \(settings.path) cannot be read: \(Self.cause(error))")
    }
  }

  /// SQLite gives its other files the mode of the first.
  private static func makePrivate(_ path: String) throws {
    let file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
    guard file >= 0, fchmod(file, 0o600) == 0 else {
      let cause = String(cString: strerror(errno))
      if file >= 0 { close(file) }
      throw JournalError(.notOpened, cause)
    }
    close(file)
  }

  private static func cause(_ error: any Error) -> String {
    switch error {
    case let error as JournalError: error.message
    // The statement and its arguments are nobody else's business.
    case let error as DatabaseError: error.message ?? "SQLite error \(error.resultCode.rawValue)"
    default: "\(error)"
    }
  }
}
