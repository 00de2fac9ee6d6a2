import Testing

@testable import PostgresClient

@Suite struct LinkPartsTests {
  private let hosts = [
    PostgresLocation.Host(host: "/dir", address: "", port: 1),
    PostgresLocation.Host(host: "name", address: "", port: 2),
    PostgresLocation.Host(host: "known", address: "10.0.0.1", port: 3),
  ]

  @Test func walkTriesEachHostAndAddressOnceFromTheLastGood() {
    var walk = HostWalk(hosts: hosts, first: 1)
    #expect(walk.next() == .lookUp(hosts[1]))
    walk.found(["::1", "127.0.0.1"])
    #expect(walk.next() == .connect(hosts[1], address: "::1"))
    walk.failed(.lost("a"))
    #expect(walk.next() == .connect(hosts[1], address: "127.0.0.1"))
    #expect(walk.next() == .connect(hosts[2], address: "10.0.0.1"))
    #expect(walk.index == 2)
    #expect(walk.next() == .connect(hosts[0], address: ""))
    #expect(walk.next() == .exhausted(.lost("a")))
  }

  @Test func standbyIsTheLeastTellingReason() {
    var walk = HostWalk(hosts: [hosts[0]], first: 0)
    _ = walk.next()
    walk.failed(.readOnly(host: "a"))
    walk.failed(.refused(host: "b", sqlState: "28P01", reason: ""))
    walk.failed(.lost("c"))
    #expect(walk.next() == .exhausted(.refused(host: "b", sqlState: "28P01", reason: "")))
  }

  @Test func reasonsOfFailedConnectsAreRead() {
    let prefix = "connection to server on socket \"/s/.s.PGSQL.5432\" failed: "
    #expect(
      ConnectFailure.reason(
        host: "h",
        message: prefix
          + "FATAL:  28P01: password authentication failed for user \"u\"\nLOCATION:  auth.c:1\n")
        == .refused(
          host: "h", sqlState: "28P01", reason: "password authentication failed for user \"u\""))
    #expect(
      ConnectFailure.reason(host: "h", message: prefix + "session is read-only\n")
        == .readOnly(host: "h"))
    #expect(
      ConnectFailure.reason(host: "h", message: prefix + "No such file or directory\n\tIs the")
        == .connectFailed(host: "h", reason: prefix + "No such file or directory"))
    #expect(
      ConnectFailure.reason(host: "h", message: "")
        == .connectFailed(host: "h", reason: "no reason given"))
  }

  @Test func sessionSettingsWinOverTheString() throws {
    let location = try PostgresLocation(
      "postgresql://u:p@h/db?options=-c%20TimeZone%3DCET&application_name=mine&sslmode=require")
    var options = PostgresOptions()
    options.statementMilliseconds = 1_000
    let found = Dictionary(
      uniqueKeysWithValues: SessionSettings.parameters(
        location, host: location.hosts[0], address: "10.0.0.1", options: options))
    #expect(found["options"]?.hasPrefix("-c TimeZone=CET -c DateStyle=ISO -c TimeZone=UTC") == true)
    #expect(found["options"]?.contains("statement_timeout=950") == true)
    #expect(found["application_name"] == "mine" && found["sslmode"] == "require")
    #expect(found["hostaddr"] == "10.0.0.1" && found["target_session_attrs"] == "read-write")
    #expect(found["client_encoding"] == "UTF8" && found["gssencmode"] == "disable")
  }

  @Test func listenerListensWhenAllIsAcknowledgedAndComesBack() {
    var random = SystemRandomNumberGenerator()
    var machine = ListenerStateMachine(options: PostgresOptions(), channels: 2)
    #expect(machine.start() == .connect && machine.start() == .none)
    #expect(machine.connected() == .listen)
    #expect(machine.acknowledged() == .none)
    #expect(machine.acknowledged() == .announceListening)
    guard case .retryAfter(_, true, .idle) = machine.lost(.idle, using: &random) else {
      Issue.record("no retry")
      return
    }
    #expect(machine.lost(.idle, using: &random) == .none)
    #expect(machine.retry() == .connect)
    guard case .retryAfter(_, false, .idle) = machine.lost(.idle, using: &random) else {
      Issue.record("no retry")
      return
    }
    #expect(machine.close() == .closeLink && machine.retry() == .none)
  }

  @Test func queueIsFirstInFirstOut() {
    var queue = Fifo<Int>()
    var next = 0
    for number in 0..<5_000 {
      queue.append(number)
      if number % 3 != 0 {
        #expect(queue.popFirst() == next)
        next += 1
      }
    }
    #expect(queue.first == next && queue.count == 5_000 - next)
    #expect(queue.remove { $0 == next + 1 } == next + 1)
    #expect(queue.remove { $0 == -1 } == nil)
    #expect(queue.popFirst() == next && queue.popFirst() == next + 2)
    #expect(queue.removeAll().count == 5_000 - next - 3 && queue.isEmpty)
  }

  @Test func descriptionsHoldNoValues() {
    let server = PostgresServerError(
      sqlState: "23505", message: "duplicate \"secret\"", detail: "Key (name)=(secret)",
      table: "watchlists", constraint: "watchlists_name")
    let error = PostgresError(.server, statement: "insert", server: server)
    #expect(
      "\(error)"
        == "PostgreSQL: the server refused, statement insert (23505, table watchlists, constraint watchlists_name)"
    )
    #expect(!"\(server)".contains("secret") && String(reflecting: error).contains("secret"))
    #expect(!error.isUnavailable && error.sqlState == "23505")
    #expect(PostgresError(.commitUnknown).mayHaveExecuted && !PostgresError(.full).mayHaveExecuted)
    let shutdown = PostgresServerError(sqlState: "53300", message: "")
    #expect(PostgresError(.server, server: shutdown).isUnavailable)
  }
}
