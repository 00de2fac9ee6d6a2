import PostgresClient

struct Profile: Hashable, Sendable {
  var userID: String
  var email: String
  var name: String
  var displayName: String
  /// `en-US`
  var locale: String
  /// `America/New_York`
  var timeZone: String
  /// A JSON object.
  var preferences: String
  /// Grows with every change, and is never used twice.
  var version: Int64
  /// Microseconds since 1970.
  var updatedAt: Int64
}

/// What a user changes of a profile; nil stays as it is.
struct ProfileChange: Hashable, Sendable {
  var displayName: String?
  var locale: String?
  var timeZone: String?
  /// A JSON object.
  var preferences: String?
}

enum ProfileStatements {
  private static let columns = """
    users.id, email, name, display_name, locale, time_zone, preferences, version, updated_at
    """

  static let profile = PostgresStatement(
    "profile",
    "SELECT \(columns) FROM profiles JOIN users ON users.id = user_id WHERE user_id = $1",
    [.uuid], decode)

  static let version = PostgresStatement(
    "profile_version", "SELECT version FROM profiles WHERE user_id = $1", [.uuid]
  ) { row throws(PostgresError) in try row.integer(0) }

  /// The trigger gives the new version.
  static let change = PostgresStatement(
    "profile_change",
    """
    UPDATE profiles SET display_name = coalesce($2, display_name), locale = coalesce($3, locale),
      time_zone = coalesce($4, time_zone), preferences = coalesce($5, preferences)
    FROM users WHERE user_id = $1 AND users.id = user_id
    RETURNING \(columns)
    """, [.uuid, .text, .text, .text, .jsonb], decode)

  private static let decode: PostgresStatement<Profile>.Decode = { row in
    Profile(
      userID: try row.uuid(0), email: try row.string(1), name: try row.string(2),
      displayName: try row.string(3), locale: try row.string(4), timeZone: try row.string(5),
      preferences: try row.string(6), version: try row.integer(7),
      updatedAt: try row.timestamp(8))
  }
}
