public import PostgresClient

/// The statements on `invalidation_log(id, key, at)`, whose trigger notifies each entry. Who owns the
/// table deletes what is older than two of the longest TTLs.
public enum InvalidationLog {
  private static let keys = PostgresStatement(
    "invalidation_log_keys",
    """
    SELECT DISTINCT log.key
    FROM invalidation_log AS log
      JOIN unnest($1, $2) AS class(pattern, milliseconds)
        ON log.key LIKE class.pattern
        AND log.at > clock_timestamp() - class.milliseconds * interval '1 millisecond'
    LIMIT $3
    """, [.texts, .integers, .integer]
  ) { (row) throws(PostgresError) in try row.string(0) }

  private static let enter = PostgresStatement(
    "invalidation_log_enter", "INSERT INTO invalidation_log (key) VALUES ($1)", [.text])

  /// The keys of these classes that were logged within two of their TTLs; nil: more than are worth
  /// naming.
  static func keys(
    of policies: [CachePolicy], in database: PostgresPool
  ) async throws(PostgresError) -> [String]? {
    let most = CachingLimits.pendingKeysMax
    let found = try await database.query(
      keys,
      [
        .texts(policies.map { $0.glob.replacing("*", with: "%") }),
        .integers(policies.map { Int64(2 * $0.ttlMilliseconds) }), .integer(Int64(most) + 1),
      ])
    return found.count > most ? nil : found
  }

  /// Tells every process that a key of Redis is not to be believed, for `WriteThrough`.
  public static func enter(
    _ key: String, in database: PostgresPool
  ) async throws(PostgresError) {
    try await database.execute(enter, [.text(key)])
  }
}
