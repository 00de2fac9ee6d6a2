import EventLoops
import PostgresClient
import TestSupport
import Testing

/// What a listener told its owner, in order. Lives until the listener is closed.
private final class ListenerLog {
  var notes: [String] = []
  var listening = 0
  var lost: [PostgresDown] = []
  var failures: [PostgresDown] = []

  init(_ listener: PostgresListener) {
    listener.onNotify = { [self] in notes.append("\($0)=\($1)") }
    listener.onListening = { [self] in listening += 1 }
    listener.onLost = { [self] in lost.append($0) }
    listener.onAttemptFailed = { [self] in failures.append($0) }
  }
}

@Suite(.serialized) struct PostgresListenerTests {
  private func withListener(
    channels: [String] = ["first", "Second \"one\""],
    _ body: @escaping @Sendable (EventLoop, PrivatePostgres, PostgresListener) async throws -> Void
  ) async throws {
    try await withPostgres { loop, server in
      let listener = PostgresListener(
        loop: loop, location: try PostgresLocation(server.url), channels: channels,
        options: quickPostgres)
      defer { listener.close() }
      try await body(loop, server, listener)
    }
  }

  @Test func notificationsComeInTheOrderOfCommits() async throws {
    try await withListener { loop, server, listener in
      let log = ListenerLog(listener)
      listener.start()
      #expect(await loop.wait(milliseconds: 20_000) { log.listening == 1 })
      try server.psql("NOTIFY first, 'a'; NOTIFY \"Second \"\"one\"\"\", 'b'; NOTIFY other, 'c'")
      try server.psql("BEGIN; NOTIFY first, 'rolled back'; ROLLBACK")
      try server.psql("SELECT pg_notify('first', repeat('x', 7999)); NOTIFY first")
      #expect(await loop.wait(milliseconds: 20_000) { log.notes.count == 4 })
      #expect(log.notes[0] == "first=a" && log.notes[1] == "Second \"one\"=b")
      #expect(log.notes[2].utf8.count == 6 + 7_999 && log.notes[3] == "first=")
      #expect(log.lost.isEmpty)
    }
  }

  /// Goal: after the loss of the session, however it is lost, LISTEN is asked anew, and the owner
  /// hears of both, so that it can read what it missed.
  @Test(arguments: ["pg_terminate_backend", "kill -9", "restart"])
  func listensAgainAfterALoss(how: String) async throws {
    try await withListener { loop, server, listener in
      let log = ListenerLog(listener)
      listener.start()
      #expect(await loop.wait(milliseconds: 20_000) { log.listening == 1 })
      let process = listener.serverProcessID
      switch how {
      case "restart": try server.restart()
      case "kill -9": server.killBackend(process)
      default: try server.psql("SELECT pg_terminate_backend(\(process))")
      }
      #expect(await loop.wait(milliseconds: 20_000) { log.lost.count == 1 })
      #expect(await loop.wait(milliseconds: 20_000) { log.listening == 2 })
      #expect(listener.serverProcessID != process)
      try server.psql("NOTIFY first, 'after'")
      #expect(await loop.wait(milliseconds: 20_000) { log.notes == ["first=after"] })
    }
  }

  /// Goal: a server that only stopped answering is noticed, though nobody asks it anything.
  @Test func stoppedServerIsNoticedByTheProbe() async throws {
    try await withListener { loop, server, listener in
      let log = ListenerLog(listener)
      listener.start()
      #expect(await loop.wait(milliseconds: 20_000) { log.listening == 1 })
      await loop.sleep(milliseconds: 300)  // some probes that are answered
      #expect(log.lost.isEmpty)
      server.stop()
      let began = loop.nowMilliseconds
      #expect(await loop.wait(milliseconds: 20_000) { log.lost.count == 1 })
      // A probe after 100 ms, its answer within 1,500.
      #expect(loop.nowMilliseconds - began < 5_000)
      #expect(log.lost == [.statementTimedOut(milliseconds: 1_500)])
      server.resume()
      #expect(await loop.wait(milliseconds: 20_000) { log.listening == 2 })
    }
  }

  @Test func closeAtAnyMomentLeavesNothing() async throws {
    try await withListener { loop, server, _ in
      for turns in 0..<10 {
        let listener = PostgresListener(
          loop: loop, location: try PostgresLocation(server.url), channels: ["a"])
        listener.start()
        for _ in 0..<turns { await loop.sleep(milliseconds: 1) }
        listener.close()
      }
    }
  }
}
