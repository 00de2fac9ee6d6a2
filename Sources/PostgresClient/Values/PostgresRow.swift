// One row during its decoding. Results are asked in text form, so `numeric` arrives as PostgreSQL
// prints it, digit for digit; every other type is read from its text strictly. The session's settings
// (DateStyle ISO, TimeZone UTC, bytea_output hex) fix these texts, see SessionSettings.
//
// It reaches into the C result without a copy and cannot leave the closure that gets it (it is
// noncopyable and borrowed). The shell frees the result after the last row.
import CLibpq

public struct PostgresRow: ~Copyable {
  let result: OpaquePointer
  let row: Int32
  let statement: String

  /// Columns of the result.
  public var count: Int { Int(PQnfields(result)) }

  public func isNull(_ column: Int) throws(PostgresError) -> Bool {
    try check(column)
    return PQgetisnull(result, row, Int32(column)) != 0
  }

  // MARK: - Values that must be there

  /// text, varchar, char, name, json, jsonb, enumerations and other types that are made of text.
  public func string(_ column: Int) throws(PostgresError) -> String {
    try required(column, try optionalString(column))
  }

  /// smallint, integer or bigint.
  public func integer(_ column: Int) throws(PostgresError) -> Int64 {
    try required(column, try optionalInteger(column))
  }

  public func boolean(_ column: Int) throws(PostgresError) -> Bool {
    try required(column, try optionalBoolean(column))
  }

  /// The exact decimal text as PostgreSQL prints it; may be `NaN`, `Infinity` or `-Infinity` when
  /// the column's constraints allow them.
  public func numeric(_ column: Int) throws(PostgresError) -> String {
    try required(column, try optionalNumeric(column))
  }

  /// 36 characters, lower case.
  public func uuid(_ column: Int) throws(PostgresError) -> String {
    try required(column, try optionalUUID(column))
  }

  public func bytes(_ column: Int) throws(PostgresError) -> [UInt8] {
    try required(column, try optionalBytes(column))
  }

  /// timestamptz, in microseconds since 1970 in UTC.
  public func timestamp(_ column: Int) throws(PostgresError) -> Int64 {
    try required(column, try optionalTimestamp(column))
  }

  /// `2026-11-21`.
  public func date(_ column: Int) throws(PostgresError) -> String {
    try required(column, try optionalDate(column))
  }

  /// text[] or varchar[] of one dimension without NULLs.
  public func strings(_ column: Int) throws(PostgresError) -> [String] {
    try required(column, try optionalStrings(column))
  }

  // MARK: - Values that may be NULL

  public func optionalString(_ column: Int) throws(PostgresError) -> String? {
    guard let text = try text(column, as: "text", ColumnType.isText) else { return nil }
    return String(decoding: text, as: UTF8.self)
  }

  public func optionalInteger(_ column: Int) throws(PostgresError) -> Int64? {
    guard let text = try text(column, as: "an integer", ColumnType.isInteger) else { return nil }
    return try formed(column, "an integer", ValueText.integer(text))
  }

  public func optionalBoolean(_ column: Int) throws(PostgresError) -> Bool? {
    guard let text = try text(column, as: "boolean", { $0 == ColumnType.boolean }) else {
      return nil
    }
    return try formed(column, "t or f", ValueText.boolean(text))
  }

  public func optionalNumeric(_ column: Int) throws(PostgresError) -> String? {
    guard let text = try text(column, as: "numeric", { $0 == ColumnType.numeric }) else {
      return nil
    }
    return String(decoding: text, as: UTF8.self)
  }

  public func optionalUUID(_ column: Int) throws(PostgresError) -> String? {
    guard let text = try text(column, as: "uuid", { $0 == ColumnType.uuid }) else { return nil }
    return String(decoding: text, as: UTF8.self)
  }

  public func optionalBytes(_ column: Int) throws(PostgresError) -> [UInt8]? {
    guard let text = try text(column, as: "bytea", { $0 == ColumnType.bytes }) else { return nil }
    return try formed(column, "\\x and hexadecimal digits", ValueText.bytes(text))
  }

  public func optionalTimestamp(_ column: Int) throws(PostgresError) -> Int64? {
    guard let text = try text(column, as: "timestamptz", { $0 == ColumnType.timestamp }) else {
      return nil
    }
    return try formed(
      column, "a finite timestamp of the years 1 to 9999 in UTC", ValueText.timestamp(text))
  }

  public func optionalDate(_ column: Int) throws(PostgresError) -> String? {
    guard let text = try text(column, as: "date", { $0 == ColumnType.date }) else { return nil }
    return try formed(column, "a finite date of the years 1 to 9999", ValueText.date(text))
  }

  public func optionalStrings(_ column: Int) throws(PostgresError) -> [String]? {
    guard let text = try text(column, as: "text[]", ColumnType.isTextArray) else { return nil }
    return try formed(column, "a flat array without NULLs", ValueText.strings(text))
  }

  // MARK: - Access

  private func text(
    _ column: Int, as wanted: String, _ accepts: (UInt32) -> Bool
  ) throws(PostgresError) -> UnsafeBufferPointer<UInt8>? {
    try check(column)
    let index = Int32(column)
    let type = PQftype(result, index)
    guard accepts(type) else {
      throw error(column, "expected \(wanted), the column's type number is \(type)")
    }
    if PQgetisnull(result, row, index) != 0 { return nil }
    let length = Int(PQgetlength(result, row, index))
    return UnsafeRawBufferPointer(start: PQgetvalue(result, row, index), count: length)
      .assumingMemoryBound(to: UInt8.self)
  }

  private func check(_ column: Int) throws(PostgresError) {
    guard column >= 0, column < count else {
      throw PostgresError(
        .decoding, statement: statement, reason: "no column \(column), there are \(count)")
    }
  }

  private func required<T>(_ column: Int, _ value: T?) throws(PostgresError) -> T {
    guard let value else { throw error(column, "NULL") }
    return value
  }

  private func formed<T>(_ column: Int, _ wanted: String, _ value: T?) throws(PostgresError) -> T {
    guard let value else { throw error(column, "expected \(wanted)") }
    return value
  }

  /// An error at `column`, for a `decode` that finds the value itself wrong. `reason` must not quote
  /// the value.
  public func error(_ column: Int, _ reason: String) -> PostgresError {
    let name = PQfname(result, Int32(column)).map { String(cString: $0) } ?? "?"
    return PostgresError(
      .decoding, statement: statement,
      reason: "column \(column) \"\(name)\" of row \(row): \(reason)")
  }
}
