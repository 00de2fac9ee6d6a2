/// How a transaction begins.
public enum PostgresTransactionMode: Hashable, Sendable {
  /// PostgreSQL's default: each statement sees what was committed before it.
  case readCommitted
  case readCommittedReadOnly
  /// One snapshot for all statements; a write that meets another's gets 40001.
  case repeatableRead
  /// One snapshot for all statements: what money is read in.
  case repeatableReadReadOnly
  case serializable

  var isReadOnly: Bool { self == .readCommittedReadOnly || self == .repeatableReadReadOnly }

  var begin: String {
    switch self {
    case .readCommitted: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
    case .readCommittedReadOnly: "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"
    case .repeatableRead: "BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE"
    case .repeatableReadReadOnly: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    case .serializable: "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE"
    }
  }
}
