/// The numbers of PostgreSQL's built-in types (pg_type.dat) as columns come.
enum ColumnType {
  static let boolean = PostgresType.boolean.rawValue
  static let bytes = PostgresType.bytes.rawValue
  static let numeric = PostgresType.numeric.rawValue
  static let uuid = PostgresType.uuid.rawValue
  static let timestamp = PostgresType.timestamp.rawValue
  static let date = PostgresType.date.rawValue

  /// smallint 21, integer 23, bigint 20.
  static func isInteger(_ type: UInt32) -> Bool { type == 20 || type == 21 || type == 23 }

  /// name 19, text 25, json 114, unknown 705, char(n) 1042, varchar 1043, jsonb 3802, and what the
  /// database defines itself (from 16,384 on): enumerations.
  static func isText(_ type: UInt32) -> Bool {
    switch type {
    case 19, 25, 114, 705, 1042, 1043, 3802: true
    default: type >= 16_384
    }
  }

  /// text[] 1009, varchar[] 1015, name[] 1003.
  static func isTextArray(_ type: UInt32) -> Bool { type == 1009 || type == 1015 || type == 1003 }
}
