package import PostgresClient

/// Why the schema is not what this executable needs. `description` is for the operator: it names the
/// script and the line.
package enum MigrationError: Error, CustomStringConvertible {
  /// A script is not the one that was applied under its number.
  case changed(applied: String, ours: String)
  /// The database was brought further by a newer executable.
  case newer(applied: String)
  /// The rows of schema_migrations have a gap.
  case gap(after: Int)
  /// A statement was refused; its whole script was taken back.
  case refused(script: String, line: Int, PostgresError)
  /// The database could not be asked, or the end of a transaction is unknown. Running it again is safe.
  case database(PostgresError)

  package var description: String {
    switch self {
    case .changed(let applied, let ours) where applied == ours:
      "\(ours) was changed after it had been applied to this database"
    case .changed(let applied, let ours):
      "this database has \(applied) where this executable has \(ours)"
    case .newer(let applied):
      "this database has \(applied), which this executable does not know: it is older"
    case .gap(let number): "schema_migrations has a gap after \(number)"
    case .refused(let script, let line, let error):
      "\(script), line \(line): \(error.server?.message ?? error.description)"
        + (error.sqlState.map { " (\($0))" } ?? "")
    case .database(let error): error.description
    }
  }
}
