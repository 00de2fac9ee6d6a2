import EventLoops
import RedisClient
import TestSupport
import Testing

@Suite(.serialized) struct RedisLoginTests {
  private static let password = "p@ss:w0rd/#1"
  private static let encoded = "p%40ss%3Aw0rd%2F%231"

  /// Connects with `login` over TCP and Unix socket and hands both to `body` when the first attempt
  /// has come to an end.
  private func attempt(
    _ login: String, database: Int = 0,
    _ body: @escaping @Sendable (RedisConnection, LinkLog) async throws -> Void
  ) async throws {
    try await withRedis(tcp: true, password: Self.password) { loop, redis in
      for text in [
        "redis://\(login)127.0.0.1:\(redis.port)/\(database)",
        "redis://\(login)localhost:\(redis.port)/\(database)",
        "unix://\(login)\(redis.socketPath)?db=\(database)",
      ] {
        let connection = RedisConnection(
          loop: loop, url: try RedisURL(text), options: quickOptions)
        defer { connection.close() }
        let log = LinkLog(connection)
        connection.start()
        #expect(await loop.wait { log.ready > 0 || !log.failures.isEmpty })
        try await body(connection, log)
        for shown in [
          "\(connection.url)", String(reflecting: connection.url), "\(log.failures)",
          String(reflecting: log.failures), "\(Dumped(connection.url))",
        ] {
          #expect(!shown.contains(Self.password) && !shown.contains(Self.encoded))
        }
      }
    }
  }

  @Test func passwordLogsInAndSelectsTheDatabase() async throws {
    try await attempt(":\(Self.encoded)@", database: 3) { connection, log in
      #expect(log.ready == 1)
      let info = try await connection.send(Redis.RawCommand("CLIENT", "INFO"))
      #expect(info.text?.contains(" db=3 ") == true)
    }
  }

  @Test func userAndPasswordLogIn() async throws {
    try await attempt("default:\(Self.encoded)@") { connection, log in
      #expect(log.ready == 1)
      try await connection.send(Redis.Ping())
    }
  }

  @Test func wrongPasswordIsNamedAndNotShown() async throws {
    try await attempt("default:\(Self.encoded)x@") { connection, log in
      guard case .authenticationFailed(let words)? = log.failures.first else {
        Issue.record("\(log.failures)")
        return
      }
      #expect(words.hasPrefix("WRONGPASS"))
      #expect(!connection.isReady)
    }
  }

  @Test func missingPasswordIsNamed() async throws {
    try await attempt("") { _, log in #expect(log.failures.first == .authenticationRequired) }
  }

  @Test func databaseOutOfRangeIsNamed() async throws {
    try await attempt(":\(Self.encoded)@", database: 99) { _, log in
      guard case .databaseRefused? = log.failures.first else {
        Issue.record("\(log.failures)")
        return
      }
    }
  }

  @Test func unknownHostIsNamedWithoutStoppingTheLoop() async throws {
    try await withLoop { loop in
      let url = try RedisURL("redis://no-such-host.invalid:1/0")
      let connection = RedisConnection(loop: loop, url: url)
      defer { connection.close() }
      let log = LinkLog(connection)
      connection.start()
      #expect(await loop.wait { !log.failures.isEmpty })
      switch log.failures.first {
      case .hostNotFound(let reason)?: #expect(reason.contains("no-such-host.invalid"))
      case .connectTimedOut?: break  // a name server that does not answer in time
      default: Issue.record("\(log.failures)")
      }
    }
  }
}

/// What `dump` prints.
private struct Dumped: CustomStringConvertible {
  let description: String

  init(_ value: Any) {
    var text = ""
    dump(value, to: &text)
    description = text
  }
}
