import PostgresClient

extension PostgresRow {
  /// A numeric column, exactly.
  func decimal(_ column: Int) throws(PostgresError) -> ExactDecimal {
    guard let value = ExactDecimal(try numeric(column)) else {
      throw error(column, "not a number of at most 127 bits")
    }
    return value
  }

  func optionalDecimal(_ column: Int) throws(PostgresError) -> ExactDecimal? {
    guard let text = try optionalNumeric(column) else { return nil }
    guard let value = ExactDecimal(text) else {
      throw error(column, "not a number of at most 127 bits")
    }
    return value
  }
}

extension PostgresParameter {
  static func decimal(_ value: ExactDecimal) -> PostgresParameter { .numeric(value.description) }
}
