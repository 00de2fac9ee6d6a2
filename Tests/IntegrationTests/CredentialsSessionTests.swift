// Sessions: one bearer token in every process, sliding, ending, and what the loss of a server does.
import Credentials
import EventLoops
import ServiceSupport
import TestSupport
import Testing

extension Services {
  @Suite(.serialized) struct CredentialsSessionTests {
    private func sql(_ scene: CredentialsScene, _ expression: String, _ id: String) throws -> String
    {
      try scene.postgres.psql("SELECT \(expression) FROM sessions WHERE id = '\(id)'")
    }

    @Test func aSessionSlidesInBothAndEndsInBoth() async throws {
      try await CredentialsScene.with { scene, processes in
        let session = try await processes[0].openSession(CredentialsScene.demo)
        let token = session.bearer.reveal()
        let key = "session:\(session.id)"
        #expect((1_795_000...1_800_000).contains(try scene.timeToLive(scene.durable, key)))
        let who = try await processes[1].bearer(token).get()
        #expect(who.sessionID == session.id && who.userID == CredentialsScene.user)
        // Redis: each use gives the whole time again. Postgres: not within the minute.
        _ = scene.durable.command("PEXPIRE", key, "5000")
        let seen = try sql(scene, "last_seen", session.id)
        _ = try await processes[0].bearer(token).get()
        #expect(try scene.timeToLive(scene.durable, key) > 1_795_000)
        #expect(try sql(scene, "last_seen", session.id) == seen)
        // Ended by its user in one process: over in the other at once, its streams too.
        let stream = try await processes[1].stream(PresentedCredentials.bearer(token))
        let id = session.id
        let began = EventLoop.monotonicNanoseconds
        try await processes[0].ask { try await $0.endSession(id, by: CredentialsScene.demo) }
        for process in processes {
          #expect(try await process.bearer(token) == .failure(.invalid))
        }
        #expect(try #require(try await stream.ended(since: began)) < 2_000)
        #expect(try sql(scene, "revoked_at IS NOT NULL", session.id) == "t")
      }
    }

    @Test func lastSeenMovesAtMostOnceAMinuteAndTellsTheEnd() async throws {
      var options = CredentialOptions()
      options.lastSeenMilliseconds = 50  // each use asks; the statement keeps to the minute
      try await CredentialsScene.with(options) { scene, processes in
        let session = try await processes[0].openSession(CredentialsScene.demo)
        let token = session.bearer.reveal()
        let fresh = try sql(scene, "last_seen", session.id)
        for process in processes {
          for _ in 0..<3 {
            try await Task.sleep(for: .milliseconds(60))
            _ = try await process.bearer(token).get()
          }
        }
        #expect(try sql(scene, "last_seen", session.id) == fresh)
        try scene.postgres.psql(
          """
          UPDATE sessions SET created_at = now() - interval '1 hour',
            last_seen = now() - interval '90 seconds'
          """)
        _ = try await processes[0].bearer(token).get()
        #expect(try sql(scene, "now() - last_seen < interval '10 seconds'", session.id) == "t")
        // 1,800 s and the minute that its last use is not known to: Redis may still hold it.
        try scene.postgres.psql("UPDATE sessions SET last_seen = now() - interval '1859 seconds'")
        _ = try await processes[1].bearer(token).get()
        try scene.postgres.psql("UPDATE sessions SET last_seen = now() - interval '1861 seconds'")
        try await Task.sleep(for: .milliseconds(60))
        let late = try await processes[0].bearer(token)
        #expect(late == .failure(.revoked))
        #expect(try await processes[1].bearer(token) != .success(CredentialsScene.demo))
      }
    }

    @Test func aWriteByPsqlEndsASession() async throws {
      try await CredentialsScene.with { scene, processes in
        let first = try await processes[0].openSession(CredentialsScene.demo)
        let second = try await processes[0].openSession(CredentialsScene.demo)
        var streams: [OpenStream] = []
        for process in processes {
          for session in [first, second] {
            _ = try await process.bearer(session.bearer.reveal()).get()
            streams.append(
              try await process.stream(PresentedCredentials.bearer(session.bearer.reveal())))
          }
        }
        try scene.postgres.psql(
          "UPDATE sessions SET revoked_at = now() WHERE id = '\(first.id)'")
        let began = EventLoop.monotonicNanoseconds
        #expect(try #require(try await streams[0].ended(since: began)) < 2_000)
        #expect(try #require(try await streams[2].ended(since: began)) < 2_000)
        #expect(!streams[1].hasEnded && !streams[3].hasEnded)
        for process in processes {
          #expect(try await process.bearer(first.bearer.reveal()) == .failure(.invalid))
          _ = try await process.bearer(second.bearer.reveal()).get()
        }
        // The key that opened it takes the rest along.
        let revoked = try scene.revoke("demo")
        #expect(try #require(try await streams[1].ended(since: revoked)) < 2_000)
        #expect(try #require(try await streams[3].ended(since: revoked)) < 2_000)
        for process in processes {
          #expect(try await process.bearer(second.bearer.reveal()) == .failure(.invalid))
        }
        await #expect(throws: SessionRefusal.revoked) {
          _ = try await processes[0].openSession(CredentialsScene.demo)
        }
      }
    }

    /// Goal: no session outlives the key that opened it, however the two overlap. Method: the key's
    /// revocation is done but not yet committed when the session is asked for.
    @Test func aSessionIsNotOpenedBehindARevocationsBack() async throws {
      try await CredentialsScene.with(processes: 1) { scene, processes in
        // Safe: of the server, psql reads only what never changes.
        nonisolated(unsafe) let postgres = scene.postgres
        let revocation = Task.detached {
          _ = try postgres.psql(
            """
            BEGIN;
            UPDATE api_keys SET revoked_at = now() WHERE id = 'demo';
            SELECT pg_sleep(1);
            COMMIT
            """)
        }
        let isHeld = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        try await until(milliseconds: 5_000) { try scene.postgres.psql(isHeld) == "1" }
          .required("the revocation waits")
        await #expect(throws: SessionRefusal.revoked) {
          _ = try await processes[0].openSession(CredentialsScene.demo)
        }
        try await revocation.value
        #expect(try scene.postgres.psql("SELECT count(*) FROM sessions") == "0")
      }
    }

    @Test func anEmptiedRedisLogsNobodyOut() async throws {
      try await CredentialsScene.with { scene, processes in
        let session = try await processes[0].openSession(CredentialsScene.demo)
        let over = try await processes[0].openSession(CredentialsScene.demo)
        let id = over.id
        try await processes[0].ask { try await $0.endSession(id, by: CredentialsScene.demo) }
        for redis in [scene.cache, scene.durable] { _ = redis.command("FLUSHALL") }
        for process in processes {
          _ = try await process.bearer(session.bearer.reveal()).get()
          #expect(try await process.bearer(over.bearer.reveal()) == .failure(.invalid))
          #expect(try await process.authenticate("demo", "demo") == .success(CredentialsScene.demo))
        }
        // And it is in Redis again, with its time.
        let time = try scene.timeToLive(scene.durable, "session:\(session.id)")
        #expect((1_790_000...1_800_000).contains(time))
      }
    }

    /// Goal: a durable Redis that comes back with what it knew does not bring an ended session back.
    @Test func withoutTheDurableRedisPostgresKnows() async throws {
      var options = CredentialOptions()
      options.failures.key.burst = 10_000
      options.failures.address.burst = 10_000
      try await CredentialsScene.with(options) { scene, processes in
        let kept = try await processes[0].openSession(CredentialsScene.demo)
        let ended = try await processes[0].openSession(CredentialsScene.demo)
        for process in processes { _ = try await process.bearer(ended.bearer.reveal()).get() }
        scene.durable.kill()
        let new = try await processes[1].openSession(CredentialsScene.demo)
        let id = ended.id
        try await processes[0].ask { try await $0.endSession(id, by: CredentialsScene.demo) }
        for process in processes {
          _ = try await process.bearer(kept.bearer.reveal()).get()
          _ = try await process.bearer(new.bearer.reveal()).get()
          #expect(try await process.bearer(ended.bearer.reveal()) == .failure(.invalid))
        }
        try scene.durable.start()
        #expect(try #require(scene.durable.command("EXISTS", "session:\(id)")) == ":1\r\n")
        let deadline = Deadline(milliseconds: 3_000)
        while !deadline.hasPassed {
          for process in processes {
            #expect(try await process.bearer(ended.bearer.reveal()) == .failure(.invalid))
          }
          try await Task.sleep(for: .milliseconds(100))
        }
        let back = try await until { processes.allSatisfy { $0.cachesServe } }
        #expect(back)
        for process in processes {
          #expect(try await process.bearer(ended.bearer.reveal()) == .failure(.invalid))
          _ = try await process.bearer(kept.bearer.reveal()).get()
          _ = try await process.bearer(new.bearer.reveal()).get()
        }
      }
    }

    @Test func theOldestOfTooManySessionsEnds() async throws {
      try await CredentialsScene.with(processes: 1) { scene, processes in
        let first = try await processes[0].openSession(CredentialsScene.demo)
        try scene.postgres.psql(
          """
          UPDATE sessions SET created_at = now() - interval '1 hour',
            last_seen = now() - interval '1 minute'
          """)
        for _ in 0..<100 { _ = try await processes[0].openSession(CredentialsScene.demo) }
        #expect(
          try scene.postgres.psql(
            "SELECT count(*) FROM sessions WHERE revoked_at IS NULL") == "100")
        let gone = try await until {
          try self.sql(scene, "revoked_at IS NOT NULL", first.id) == "t"
        }
        #expect(gone)
        #expect(try await processes[0].bearer(first.bearer.reveal()) == .failure(.invalid))
      }
    }
  }
}
