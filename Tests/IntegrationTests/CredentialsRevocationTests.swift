// A revoked key stops working everywhere within 2 s, open streams included, whatever is lost.
import Credentials
import EventLoops
import Glibc
import ServiceSupport
import TestSupport
import Testing

extension Services {
  @Suite(.serialized) struct CredentialsRevocationTests {
    static let promise = 2_000.0

    private let presented = PresentedCredentials.key(id: "demo", secret: "demo")

    /// Both know the key, in Redis and in their own memory, and have streams under it.
    private func streams(_ processes: [AuthorityProcess]) async throws -> [OpenStream] {
      var streams: [OpenStream] = []
      for process in processes {
        streams.append(try await process.stream(presented))
        for _ in 0..<3 {
          #expect(try await process.authenticate("demo", "demo") == .success(CredentialsScene.demo))
        }
      }
      return streams
    }

    private func expectEnd(
      _ scene: CredentialsScene, _ processes: [AuthorityProcess], _ streams: [OpenStream],
      since began: UInt64
    ) async throws {
      var slowest = 0.0
      for stream in streams {
        let took = try #require(try await stream.ended(since: began), "a stream stays open")
        slowest = max(slowest, took)
      }
      #expect(slowest < Self.promise, "\(slowest) ms")
      // Refused from the promised moment on, and for good.
      let left = Self.promise - Double(EventLoop.monotonicNanoseconds - began) / 1e6
      if left > 0 { try await Task.sleep(for: .milliseconds(Int(left))) }
      for _ in 0..<3 {
        for process in processes {
          #expect(try await process.authenticate("demo", "demo") == .failure(.revoked))
        }
      }
    }

    @Test func byPsqlInTwoProcesses() async throws {
      try await CredentialsScene.with { scene, processes in
        try scene.addKey("other", secret: "o")
        let other = try await processes[0].stream(.key(id: "other", secret: "o"))
        let streams = try await streams(processes)
        let began = try scene.revoke("demo")
        for stream in streams {
          // By notification: milliseconds, with room for a busy machine.
          #expect(try #require(try await stream.ended(since: began)) < 900)
        }
        try await expectEnd(scene, processes, streams, since: began)
        #expect(!other.hasEnded)
        #expect(processes[0].streams == 1)
      }
    }

    @Test func whileNobodyCanListen() async throws {
      try await CredentialsScene.with { scene, processes in
        let streams = try await streams(processes)
        try scene.cutListen()
        let cut = try await until { processes.allSatisfy { !$0.isListening } }
        try #require(cut)
        let began = try scene.revoke("demo")
        try await expectEnd(scene, processes, streams, since: began)
        #expect(processes.allSatisfy { !$0.isListening })
      }
    }

    /// The worst of losses: the connection is there, and nothing comes through it.
    @Test func whileNotificationsAreLostUnnoticed() async throws {
      try await CredentialsScene.with { scene, processes in
        let streams = try await streams(processes)
        let backends = try scene.postgres.psql(
          "SELECT pid FROM pg_stat_activity WHERE usename = 'feed'"
        ).split(separator: "\n").compactMap { pid_t($0) }
        try #require(backends.count == 2)
        for backend in backends { kill(backend, SIGSTOP) }
        defer { for backend in backends { kill(backend, SIGCONT) } }
        let began = try scene.revoke("demo")
        try await expectEnd(scene, processes, streams, since: began)
      }
    }

    /// Revoked while a process could not reach Postgres: checked as soon as it can. Until then the
    /// stream stays and the cached key works; what is not cached is not called wrong.
    @Test func whilePostgresIsAway() async throws {
      try await CredentialsScene.with { scene, processes in
        try scene.addKey("uncached", secret: "u")
        let streams = try await streams(processes)
        // Neither notified nor logged: only asking for everything open can tell, once it is back.
        try scene.postgres.psql(
          """
          ALTER TABLE api_keys DISABLE TRIGGER USER;
          UPDATE api_keys SET revoked_at = now() WHERE id = 'demo';
          ALTER TABLE api_keys ENABLE TRIGGER USER
          """)
        scene.postgres.end()
        let away = try await until { processes.allSatisfy { !$0.isListening } }
        try #require(away)
        for process in processes {
          #expect(try await process.authenticate("demo", "demo") == .success(CredentialsScene.demo))
          #expect(try await process.authenticate("uncached", "u") == .failure(.unavailable))
        }
        try await Task.sleep(for: .milliseconds(1_500))
        #expect(streams.allSatisfy { !$0.hasEnded })
        try scene.postgres.start()
        let began = EventLoop.monotonicNanoseconds
        for stream in streams {
          #expect(try #require(try await stream.ended(since: began)) < Self.promise)
        }
        #expect(processes.allSatisfy { $0.counters.rechecks > 0 })
      }
    }

    /// Redis away: slower, and nobody is refused for it; a revocation does not pass through it.
    @Test func whileRedisIsAway() async throws {
      try await CredentialsScene.with { scene, processes in
        let streams = try await streams(processes)
        scene.cache.kill()
        scene.durable.kill()
        #expect(
          try await processes[0].authenticate("demo", "demo") == .success(CredentialsScene.demo))
        let began = try scene.revoke("demo")
        try await expectEnd(scene, processes, streams, since: began)
        try scene.cache.start()
        let back = try await until { processes.allSatisfy { $0.keysServe } }
        try #require(back)
        for process in processes {
          #expect(try await process.authenticate("demo", "demo") == .failure(.revoked))
        }
      }
    }

    /// What may be in Redis, in the log of a server that logs everything, and in a process list.
    @Test func secretsAreNowhere() async throws {
      try await CredentialsScene.with(processes: 1) { scene, processes in
        try scene.addKey("vault", secret: "correct-horse-battery")
        let vault = PresentedCredentials.key(id: "vault", secret: "correct-horse-battery")
        _ = try await processes[0].stream(vault)
        let principal = Principal(
          userID: CredentialsScene.user, accountID: CredentialsScene.account, keyID: "vault")
        let session = try await processes[0].openSession(principal)
        let secret = try #require(session.bearer.reveal().split(separator: ".").last)
        #expect(try await processes[0].bearer(session.bearer.reveal()).get().keyID == "vault")
        // The notification of the new row may delete what was cached of it before: ask again.
        var cached = ""
        let deadline = Deadline(milliseconds: 5_000)
        while !deadline.hasPassed, !cached.contains("apikey:vault") {
          _ = try await processes[0].authenticate("vault", "correct-horse-battery").get()
          cached = try scene.contents(scene.cache)
        }
        #expect(cached.contains("apikey:vault"))
        cached += try scene.contents(scene.durable)
        #expect(cached.contains("session:\(session.id)"))
        for text in [cached, scene.postgres.log] {
          #expect(!text.contains("correct-horse") && !text.contains(secret))
        }
      }
    }
  }
}
