// The gateway on an authority: the dialogue, what is said while credentials are looked up, and streams
// whose credentials stop being good.
import Credentials
import EventLoops
import Gateway
import ServiceSupport
import TestSupport
import Testing

extension Services {
  @Suite(.serialized) struct CredentialsStreamTests {
    typealias Encoding = StreamClient.Encoding

    private func with(
      _ options: CredentialOptions = CredentialOptions(),
      _ configure: (inout StreamLoop.Configuration) -> Void = { _ in },
      _ body: (CredentialsScene, AuthorityProcess, ServiceScene) async throws -> Void
    ) async throws {
      try await CredentialsScene.with(processes: 1, options) { credentials, processes in
        try await ServiceScene.with({
          $0.credentials = processes[0].gate
          configure(&$0)
        }) { scene in try await body(credentials, processes[0], scene) }
      }
    }

    private func connected(
      _ scene: ServiceScene, _ encoding: Encoding = .json, headers: String = ""
    ) throws -> StreamClient {
      let client = try StreamClient(scene, encoding, headers: headers)
      try #require(try client.next() == StreamClient.success("connected"))
      return client
    }

    private func expectError(_ client: StreamClient, _ code: Int64) throws -> String {
      let message = try #require(try client.next("error"), "\(code) was expected")
      #expect(message["code"]?.integer == code, "\(message)")
      return message["msg"]?.string ?? ""
    }

    private func expectAuthenticated(_ client: StreamClient) throws {
      #expect(try client.next() == StreamClient.success("authenticated"))
    }

    @Test func everyKindOfCredentialsOpensAStream() async throws {
      try await with { _, process, scene in
        let bearer = try await process.openSession(CredentialsScene.demo).bearer.reveal()
        for encoding in Encoding.allCases {
          let key = try connected(scene, encoding)
          key.authenticate()
          try expectAuthenticated(key)
          #expect(try key.subscribe(trades: ["AAPL"])["trades"]?.strings == ["AAPL"])
          key.authenticate()
          #expect(try expectError(key, 403) == "already authenticated")
          let session = try connected(scene, encoding)
          session.authenticate(key: "oauth", secret: bearer)
          try expectAuthenticated(session)
        }
        for headers in [
          "APCA-API-KEY-ID: demo\r\nAPCA-API-SECRET-KEY: demo\r\n",
          "Authorization: Basic ZGVtbzpkZW1v\r\n", "Authorization: Bearer \(bearer)\r\n",
        ] {
          try expectAuthenticated(try connected(scene, headers: headers))
        }
        let none = try connected(scene)
        none.say(StreamClient.message("subscribe", trades: ["AAPL"]))
        #expect(try expectError(none, 401) == "not authenticated")
        // All but that one have left meanwhile: nobody watches for them.
        let gone = try await until { process.streams == 0 }
        #expect(gone)
      }
    }

    @Test func wrongOnesAreToldAndClosed() async throws {
      try await with { _, process, scene in
        for (key, secret) in [("demo", "x"), ("nobody", "demo"), ("", ""), ("oauth", "demo")] {
          let client = try connected(scene)
          client.authenticate(key: key, secret: secret)
          #expect(try expectError(client, 402) == "auth failed")
          #expect(try client.waitForClose() == 1_008)
        }
        for headers in [
          "APCA-API-KEY-ID: demo\r\n", "APCA-API-KEY-ID: demo\r\nAPCA-API-SECRET-KEY: x\r\n",
          "Authorization: Basic x\r\n",
        ] {
          let client = try connected(scene, headers: headers)
          #expect(try expectError(client, 402) == "auth failed")
          #expect(try client.waitForClose() == 1_008)
        }
        #expect(try scene.gateway("auth_failures_total") == 7)
        #expect(process.streams == 0)
      }
    }

    @Test func tooManyFailuresAreTold() async throws {
      try await with { _, process, scene in
        for _ in 0..<10 {
          let client = try connected(scene)
          client.authenticate(secret: "x")
          #expect(try expectError(client, 402) == "auth failed")
        }
        let client = try connected(scene)
        client.authenticate()
        #expect(try expectError(client, 402).contains("too many failed attempts, try again in "))
        #expect(try client.waitForClose() == 1_008)
        #expect(process.counters.limited == 1)
      }
    }

    /// In two gateways of two processes, within 2 s; who comes back is refused.
    @Test func aRevokedKeyClosesItsStreamsEverywhere() async throws {
      try await CredentialsScene.with { credentials, processes in
        try await ServiceScene.with({ $0.credentials = processes[0].gate }) { one in
          try await ServiceScene.with({ $0.credentials = processes[1].gate }) { two in
            try credentials.addKey("other", secret: "other")
            var clients: [StreamClient] = []
            for (place, scene) in [one, two, one, two].enumerated() {
              let client = try connected(scene, place < 2 ? .json : .messagePack)
              client.authenticate()
              try expectAuthenticated(client)
              try client.subscribe(trades: ["AAPL"])
              clients.append(client)
            }
            let other = try connected(one)
            other.authenticate(key: "other", secret: "other")
            try expectAuthenticated(other)
            let began = try credentials.revoke("demo")
            for client in clients {
              #expect(try expectError(client, 402).hasPrefix("auth failed: "))
              #expect(try client.waitForClose() == 1_008)
            }
            #expect(EventLoop.monotonicNanoseconds - began < 2_000_000_000)
            for scene in [one, two] {
              let again = try connected(scene)
              again.authenticate()
              #expect(try expectError(again, 402).hasPrefix("auth failed"))
              #expect(try scene.gateway("revoked_total") == 2)
            }
            #expect(try other.subscribe(quotes: ["AAPL"])["quotes"]?.strings == ["AAPL"])
          }
        }
      }
    }

    @Test func anEndedSessionClosesItsStream() async throws {
      try await with { _, process, scene in
        let session = try await process.openSession(CredentialsScene.demo)
        let client = try connected(scene)
        client.authenticate(key: "oauth", secret: session.bearer.reveal())
        try expectAuthenticated(client)
        let id = session.id
        try await process.ask { try await $0.endSession(id, by: CredentialsScene.demo) }
        #expect(try expectError(client, 402).hasPrefix("auth failed: "))
        #expect(try client.waitForClose() == 1_008)
      }
    }

    // MARK: - While credentials are looked up

    /// A client need not wait for the answer to `auth`; what it says meanwhile comes in order.
    @Test(arguments: Encoding.allCases)
    func whatIsSaidMeanwhileIsHeldBack(_ encoding: Encoding) async throws {
      try await with { _, _, scene in
        let client = try connected(scene, encoding)
        client.authenticate()
        client.say(StreamClient.message("subscribe", trades: ["AAPL"]))
        client.say(StreamClient.message("subscribe", quotes: ["AAPL"]))
        client.authenticate()
        try expectAuthenticated(client)
        #expect(try client.acknowledgement()["trades"]?.strings == ["AAPL"])
        #expect(try client.acknowledgement()["quotes"]?.strings == ["AAPL"])
        #expect(try expectError(client, 403) == "already authenticated")
        // Nothing of it reaches who is refused.
        let refused = try connected(scene, encoding)
        refused.authenticate(secret: "x")
        refused.say(StreamClient.message("subscribe", trades: ["AAPL"]))
        #expect(try expectError(refused, 402) == "auth failed")
        #expect(try refused.next() == nil)
        #expect(try scene.gateway("held_bytes") == 0)
      }
    }

    @Test func whatIsHeldBackIsBounded() async throws {
      try await with { credentials, _, scene in
        try credentials.addKey("uncached", secret: "u")
        credentials.postgres.stop()
        defer { credentials.postgres.resume() }
        let client = try connected(scene)
        client.authenticate(key: "uncached", secret: "u")
        for number in 0..<20 {
          client.say(StreamClient.message("subscribe", trades: ["A\(number)"]))
        }
        for _ in 0..<4 { #expect(try expectError(client, 401).hasPrefix("not authenticated")) }
        let large = try connected(scene)
        large.authenticate(key: "uncached", secret: "u")
        large.say(StreamClient.message("subscribe", trades: (0..<10_000).map { "SYM\($0)" }))
        #expect(try expectError(large, 401).hasPrefix("not authenticated"))
        credentials.postgres.resume()
        try expectAuthenticated(client)
        for number in 0..<16 {
          #expect(try client.acknowledgement()["trades"]?.strings?.count == number + 1)
        }
      }
    }

    /// The deadline for authentication runs on, and who leaves meanwhile leaves nothing behind.
    @Test func aStalledDatabaseHoldsNobody() async throws {
      try await with(CredentialOptions(), { $0.clients.authenticationMilliseconds = 600 }) {
        credentials, process, scene in
        try credentials.addKey("uncached", secret: "u")
        credentials.postgres.stop()
        defer { credentials.postgres.resume() }
        for _ in 0..<20 {
          let client = try connected(scene)
          client.authenticate(key: "uncached", secret: "u")
          client.say(StreamClient.message("subscribe", trades: ["AAPL"]))
        }
        let patient = try connected(scene)
        patient.authenticate(key: "uncached", secret: "u")
        #expect(try expectError(patient, 404) == "auth timeout")
        #expect(try patient.waitForClose() == 1_008)
        // Who does not answer a close frame is given 5 s.
        let gone = try await until(milliseconds: 15_000) { try scene.gateway("clients") == 0 }
        #expect(gone)
        #expect(process.streams == 0)
        #expect(try scene.gateway("held_bytes") == 0)
      }
    }

    /// Prices flow on without Postgres: open streams stay, and who cannot be checked is not called wrong.
    @Test func withoutPostgresOpenStreamsStay() async throws {
      try await with { credentials, process, scene in
        try credentials.addKey("uncached", secret: "u")
        let open = try connected(scene)
        open.authenticate()
        try expectAuthenticated(open)
        credentials.postgres.end()
        let away = try await until { !process.isListening }
        try #require(away)
        let unknown = try connected(scene)
        unknown.authenticate(key: "uncached", secret: "u")
        #expect(try expectError(unknown, 500).contains("cannot be checked"))
        #expect(try unknown.waitForClose() == 1_011)
        let known = try connected(scene)
        known.authenticate()
        try expectAuthenticated(known)
        #expect(try open.subscribe(trades: ["AAPL"])["trades"]?.strings == ["AAPL"])
        #expect(try scene.gateway("auth_failures_total") == 0)
        try credentials.postgres.start()
        let back = try await until(milliseconds: 10_000) { process.isListening }
        #expect(back)
        #expect(try open.subscribe(quotes: ["AAPL"])["quotes"]?.strings == ["AAPL"])
      }
    }
  }
}
