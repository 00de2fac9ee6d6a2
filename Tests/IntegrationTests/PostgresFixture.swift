import EventLoops
import PostgresClient
import TestSupport
import Testing

/// A private PostgreSQL and a loop; the body runs on the loop.
func withPostgres(
  tcp: Bool = false, settings: [String] = [],
  _ body: @escaping @Sendable (EventLoop, PrivatePostgres) async throws -> Void
) async throws {
  let box = PostgresBox(try PrivatePostgres(settings: settings, tcp: tcp))
  defer { box.server.close() }
  try await withLoop("postgres") { loop in try await body(loop, box.server) }
}

/// `@unchecked Sendable`: the test's task and the loop never use the server at the same time.
struct PostgresBox: @unchecked Sendable {
  let server: PrivatePostgres
  init(_ server: PrivatePostgres) { self.server = server }
}

extension PostgresPool {
  /// Started and ready.
  static func ready(
    _ loop: EventLoop, _ url: String, options: PostgresOptions = PostgresOptions()
  ) async throws -> PostgresPool {
    let pool = PostgresPool(loop: loop, location: try PostgresLocation(url), options: options)
    pool.start()
    guard await pool.waitUntilReady(milliseconds: 20_000) else {
      let reason = "\(pool.lastFailure)"
      pool.close()
      throw PostgresError(.notConnected, reason: reason)
    }
    return pool
  }
}

/// Fast times, so that a test of them takes a second or two; a busy machine stays far below them.
let quickPostgres: PostgresOptions = {
  var options = PostgresOptions()
  options.connectMilliseconds = 1_000
  options.statementMilliseconds = 1_500
  options.waitMilliseconds = 5_000
  options.reconnectDelayBaseMilliseconds = 5
  options.reconnectDelayMaxMilliseconds = 20
  options.probeMilliseconds = 100
  return options
}()

/// The PostgresError that `body` throws, nil when it throws none.
func failure<Value>(of body: () async throws -> Value) async -> PostgresError? {
  do {
    _ = try await body()
    return nil
  } catch {
    return error as? PostgresError
  }
}

extension PostgresPool {
  /// Begins `body` now, up to its first wait; its outcome comes later.
  func begin<Value: Sendable>(
    _ body: @escaping @Sendable (PostgresPool) async throws -> Value
  ) -> Task<Result<Value, PostgresError>, Never> {
    let box = PoolBox(pool: self)
    return Task.immediate(executorPreference: loop) {
      do {
        return .success(try await body(box.pool))
      } catch {
        return .failure(error as? PostgresError ?? PostgresError(.server, reason: "\(error)"))
      }
    }
  }
}

/// `@unchecked Sendable`: opened on the pool's loop only.
private struct PoolBox: @unchecked Sendable { let pool: PostgresPool }

/// Its description, as a log would have it; empty without an error.
func shown(_ error: PostgresError?) -> String { error.map { "\($0)" } ?? "" }

/// With the server's words.
func quoted(_ error: PostgresError?) -> String { error.map { String(reflecting: $0) } ?? "" }

extension Result where Failure == PostgresError {
  var error: PostgresError? { if case .failure(let error) = self { error } else { nil } }
}

/// Statements that several suites use.
enum Probe {
  static let one = integer("probe_one", "SELECT 1::bigint")
  static let echo = integer("probe_echo", "SELECT $1::bigint", [.integer])
  static let divide = integer("probe_divide", "SELECT 100 / $1::bigint", [.integer])
  static let session = integer("probe_session", "SELECT pg_backend_pid()")
  static let sleep = PostgresStatement<Void>(
    "probe_sleep", "SELECT pg_sleep($1::bigint / 1000.0)", [.integer])

  static func integer(
    _ name: String, _ sql: String, _ types: [PostgresType] = []
  ) -> PostgresStatement<Int64> {
    PostgresStatement(name, sql, types) { row throws(PostgresError) in try row.integer(0) }
  }

  static func text(
    _ name: String, _ sql: String, _ types: [PostgresType] = []
  ) -> PostgresStatement<String> {
    PostgresStatement(name, sql, types) { row throws(PostgresError) in try row.string(0) }
  }
}
