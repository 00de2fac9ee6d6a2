// Open streams and what ends them, step by step on a fake database; `readLog` is what the timer calls.
import ServiceSupport
import TestSupport
import Testing

@testable import Credentials

@Suite struct RevocationTests {
  @Test func aRevokedKeyEndsItsStreamsAndNoOthers() async throws {
    try await AuthorityScene.with { scene in
      scene.database.addKey("other", secret: "o")
      let first = await scene.open()
      let second = await scene.open()
      let other = await scene.open(.key(id: "other", secret: "o"))
      await scene.authority.readLog()
      #expect(first.told.isEmpty)
      scene.database.revoke("demo")
      await scene.authority.readLog()
      #expect(first.told == [.revoked])
      #expect(second.told == [.revoked])
      #expect(other.told.isEmpty)
      #expect(scene.authority.streamCount == 1)
      await scene.authority.readLog()
      #expect(first.told.count == 1, "told once")
      #expect(scene.authority.counters.revokedStreams == 2)
    }
  }

  /// An entry of the log that changed something else about the key leaves its streams alone.
  @Test func aWriteThatRevokesNothingEndsNothing() async throws {
    try await AuthorityScene.with { scene in
      let stream = await scene.open()
      scene.database.write("apikey:demo")
      await scene.authority.readLog()
      #expect(stream.told.isEmpty)
      #expect(scene.database.questions.contains("closedKeys 1"))
      scene.database.questions = []
      await scene.authority.readLog()
      #expect(scene.database.questions == ["logged"], "an entry is acted on once")
    }
  }

  @Test func aKeyThatIsDeletedIsClosedToo() async throws {
    try await AuthorityScene.with { scene in
      let stream = await scene.open()
      scene.database.keys["demo"] = nil
      scene.database.write("apikey:demo")
      await scene.authority.readLog()
      #expect(stream.told == [.revoked])
    }
  }

  /// The race: looked up as good, revoked, and only then registered.
  @Test func aRevocationDuringTheLookUpRefusesTheStream() async throws {
    try await AuthorityScene.with { scene in
      scene.database.during = {
        scene.database.during = nil
        scene.database.revoke("demo")
        await scene.authority.recheck([CredentialName(.key, "demo")])
      }
      let stream = await scene.open()
      #expect(stream.result == .failure(.revoked))
      #expect(stream.told.isEmpty)
      #expect(scene.authority.streamCount == 0)
    }
  }

  @Test func aStreamThatIsGoneMeanwhileIsNotKept() async throws {
    try await AuthorityScene.with { scene in
      scene.database.during = {
        scene.database.during = nil
        scene.authority.closeStream(WatchTicket(number: 1))
      }
      let stream = await scene.open()
      #expect(stream.result == .failure(.unavailable))
      #expect(scene.authority.streamCount == 0)
      let refused = await scene.open(.key(id: "demo", secret: "x"))
      #expect(refused.result == .failure(.invalid))
      #expect(scene.authority.streamCount == 0)
    }
  }

  /// Goal: whatever happened while Postgres was away is found when it is back, also when the log has
  /// forgotten it.
  @Test func afterALossEverythingOpenIsAskedFor() async throws {
    try await AuthorityScene.with { scene in
      let stream = await scene.open()
      scene.database.isDown = true
      await scene.authority.readLog()
      await scene.authority.readLog()
      #expect(stream.told.isEmpty, "nobody is closed because Postgres is away")
      scene.database.revoke("demo", logs: false)
      scene.database.isDown = false
      await scene.authority.readLog()
      #expect(stream.told == [.revoked])
      #expect(scene.authority.counters.logReadFailures == 2)
      #expect(scene.authority.counters.rechecks == 2, "one of them without an answer")
    }
  }

  /// A check that fails in its middle is made again.
  @Test func aRecheckThatFailsIsRepeated() async throws {
    try await AuthorityScene.with { scene in
      let stream = await scene.open()
      scene.authority.log.mustRecheck = true
      scene.database.during = { scene.database.isDown = true }
      scene.database.revoke("demo", logs: false)
      await scene.authority.readLog()  // closedKeys answers, the log does not
      scene.database.during = nil
      scene.database.isDown = false
      await scene.authority.readLog()
      #expect(stream.told == [.revoked])
      #expect(scene.authority.counters.rechecks == 2)
    }
  }

  @Test func newsThatCannotBeCheckedIsNotForgotten() async throws {
    try await AuthorityScene.with { scene in
      let stream = await scene.open()
      scene.database.revoke("demo")
      scene.database.isDown = true
      await scene.authority.recheck([CredentialName(.key, "demo")])
      #expect(stream.told.isEmpty)
      scene.database.isDown = false
      scene.database.log = []
      await scene.authority.readLog()
      #expect(stream.told == [.revoked])
    }
  }

  @Test func aLogThatIsLongerThanOneLookMeansAskingForEverything() async throws {
    try await AuthorityScene.with { scene in
      let stream = await scene.open()
      scene.database.revoke("demo")
      for number in 0..<CredentialsLimits.logEntriesMax {
        scene.database.write("apikey:k\(number)")
      }
      await scene.authority.readLog()
      #expect(stream.told == [.revoked])
      #expect(scene.authority.counters.rechecks == 1)
      await scene.authority.readLog()
      #expect(scene.authority.counters.rechecks == 1, "not again for what was seen")
    }
  }

  @Test func manyStreamsAreAskedForInBatches() async throws {
    try await AuthorityScene.with { scene in
      for number in 0..<2_500 {
        scene.database.addKey("k\(number)", secret: "s")
        #expect(await scene.open(.key(id: "k\(number)", secret: "s")).told.isEmpty)
      }
      scene.authority.log.mustRecheck = true
      scene.database.questions = []
      await scene.authority.readLog()
      #expect(
        scene.database.questions == [
          "closedKeys 1000", "closedKeys 1000", "closedKeys 500", "logged",
        ])
    }
  }

  // MARK: - Sessions

  @Test func anEndedSessionEndsItsStreamsAtOnce() async throws {
    try await AuthorityScene.with { scene in
      let demo = try await scene.authenticate().get()
      let opened = try await scene.authority.createSession(for: demo)
      let stream = await scene.open(PresentedCredentials.bearer(opened.bearer.reveal()))
      #expect(stream.result?.principal?.sessionID == opened.id)
      let byKey = await scene.open()
      try await scene.authority.endSession(opened.id, by: demo)
      #expect(stream.told == [.revoked])
      #expect(byKey.told.isEmpty)
    }
  }

  @Test func anOpenStreamIsAUseOfItsSession() async throws {
    try await AuthorityScene.with { scene in
      let demo = try await scene.authenticate().get()
      let opened = try await scene.authority.createSession(for: demo)
      let stream = await scene.open(PresentedCredentials.bearer(opened.bearer.reveal()))
      for _ in 0..<10 {
        scene.clock.advance(milliseconds: 60_000)
        await scene.authority.readLog()
      }
      // The first look counts from the start of the clock.
      #expect((2...3).contains(scene.database.questions.filter { $0 == "touchAll" }.count))
      #expect(stream.told.isEmpty)
      // Its time is over: nothing announces that, so the use finds it.
      scene.database.sessions[opened.id]?.isOver = true
      scene.clock.advance(milliseconds: 300_000)
      await scene.authority.readLog()
      #expect(stream.told == [.revoked])
    }
  }

  @Test func streamsAreBounded() async throws {
    try await AuthorityScene.with({ $0.watchesMax = 1 }) { scene in
      let first = await scene.open()
      #expect(first.result?.principal?.keyID == "demo")
      #expect(await scene.open().result == .failure(.unavailable))
      scene.authority.closeStream(first.ticket)
      #expect(await scene.open().result?.principal?.keyID == "demo")
    }
  }
}
