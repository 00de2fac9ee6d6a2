/// One value for a `$n` of a statement. Which cases a place takes is said by the statement's type
/// there; `null` fits every one. Texts that hold a zero byte are refused with an error: PostgreSQL
/// has no such text.
public enum PostgresParameter: Hashable, Sendable {
  case null
  case boolean(Bool)
  case bytes([UInt8])
  /// bigint; write `$1::integer` for a narrower column only where PostgreSQL asks for it.
  case integer(Int64)
  case text(String)
  /// For `json` and `jsonb`.
  case json(String)
  /// ISO 8601: `2026-11-21`.
  case date(String)
  /// timestamptz, in microseconds since 1970 in UTC.
  case timestamp(microseconds: Int64)
  /// An exact decimal text: `-12.340`.
  case numeric(String)
  case uuid(String)
  case integers([Int64])
  case texts([String])
  case dates([String])
  case timestamps([Int64])
  case numerics([String])
  case uuids([String])

  /// Whether a place of `type` takes it.
  public func fits(_ type: PostgresType) -> Bool {
    switch self {
    case .null: true
    case .boolean: type == .boolean
    case .bytes: type == .bytes
    case .integer: type == .integer
    case .text: type == .text
    case .json: type == .json || type == .jsonb
    case .date: type == .date
    case .timestamp: type == .timestamp
    case .numeric: type == .numeric
    case .uuid: type == .uuid
    case .integers: type == .integers
    case .texts: type == .texts
    case .dates: type == .dates
    case .timestamps: type == .timestamps
    case .numerics: type == .numerics
    case .uuids: type == .uuids
    }
  }
}

extension PostgresParameter {
  // Most columns may be NULL.
  public static func textOrNull(_ value: String?) -> PostgresParameter {
    value.map { .text($0) } ?? .null
  }
  public static func integerOrNull(_ value: Int64?) -> PostgresParameter {
    value.map { .integer($0) } ?? .null
  }
  public static func numericOrNull(_ value: String?) -> PostgresParameter {
    value.map { .numeric($0) } ?? .null
  }
  public static func uuidOrNull(_ value: String?) -> PostgresParameter {
    value.map { .uuid($0) } ?? .null
  }
  public static func dateOrNull(_ value: String?) -> PostgresParameter {
    value.map { .date($0) } ?? .null
  }
  public static func timestampOrNull(microseconds value: Int64?) -> PostgresParameter {
    value.map { .timestamp(microseconds: $0) } ?? .null
  }
}
