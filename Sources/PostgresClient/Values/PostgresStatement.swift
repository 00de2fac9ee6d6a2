/// One SQL statement: a name, its text with `$1...`, the types of its parameters, and how one row of
/// its result is read. Make it a `static let`: a name stands for one text, which each connection
/// prepares when it first needs it.
///
///     static let cash = PostgresStatement("account_cash",
///       "SELECT cash FROM accounts WHERE id = $1", [.uuid]
///     ) { row throws(PostgresError) in try row.numeric(0) }
public struct PostgresStatement<Row: Sendable>: Sendable {
  /// Reads one row; the row is gone afterwards. A closure has to say `throws(PostgresError)` itself,
  /// the compiler infers only `throws`.
  public typealias Decode = @Sendable (borrowing PostgresRow) throws(PostgresError) -> Row

  public let name: String
  public let sql: String
  public let types: [PostgresType]
  let decode: Decode

  public init(
    _ name: String, _ sql: String, _ types: [PostgresType] = [], _ decode: @escaping Decode
  ) {
    precondition(!name.isEmpty && name.utf8.count <= PostgresLimits.statementNameBytesMax)
    self.name = name
    self.sql = sql
    self.types = types
    self.decode = decode
  }
}

extension PostgresStatement where Row == Void {
  /// A statement whose rows nobody reads.
  public init(_ name: String, _ sql: String, _ types: [PostgresType] = []) {
    self.init(name, sql, types) { _ in () }
  }
}
