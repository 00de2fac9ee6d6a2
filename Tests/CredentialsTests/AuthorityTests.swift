import EventLoops
import ServiceSupport
import TestSupport
import Testing

@testable import Credentials

@Suite struct AuthorityTests {
  private let demo = Principal(
    userID: FakeDatabase.user, accountID: FakeDatabase.account, keyID: "demo")

  @Test func theRightSecretTellsWhoItIs() async throws {
    let demo = demo
    try await AuthorityScene.with { scene in
      #expect(await scene.authenticate() == .success(demo))
      #expect(await scene.authenticate("demo", "demo ") == .failure(.invalid))
      #expect(await scene.authenticate("nobody", "demo") == .failure(.invalid))
      #expect(
        await scene.authority.authenticate(nil, address: scene.home) == .failure(.invalid))
      #expect(scene.authority.counters.accepted == 1)
      #expect(scene.authority.counters.refused == 3)
    }
  }

  /// That a key was revoked is told only to who has its secret.
  @Test func aRevokedKeyIsRefused() async throws {
    try await AuthorityScene.with { scene in
      scene.database.revoke("demo")
      #expect(await scene.authenticate() == .failure(.revoked))
      #expect(await scene.authenticate("demo", "x") == .failure(.invalid))
    }
  }

  @Test func aDatabaseThatIsAwayIsNobodysFailure() async throws {
    try await AuthorityScene.with { scene in
      scene.database.isDown = true
      for _ in 0..<100 { #expect(await scene.authenticate("x", "y") == .failure(.unavailable)) }
      scene.database.isDown = false
      #expect(await scene.authenticate().principal?.keyID == "demo")
      #expect(scene.authority.counters.unavailable == 100)
    }
  }

  @Test func failuresAreLimitedBeforeAnythingIsLookedUp() async throws {
    try await AuthorityScene.with { scene in
      for _ in 0..<10 { #expect(await scene.authenticate("demo", "x") == .failure(.invalid)) }
      let asked = scene.database.questions.count
      #expect(
        await scene.authenticate("demo", "x")
          == .failure(.tooManyFailures(retryAfterSeconds: 6)))
      #expect(
        await scene.authenticate("demo", "demo")
          == .failure(.tooManyFailures(retryAfterSeconds: 6)))
      #expect(scene.database.questions.count == asked)
      #expect(scene.authority.counters.limited == 2)
      #expect(
        await scene.authenticate("demo", "demo", from: "192.0.2.9").principal?.keyID == "demo",
        "elsewhere its owner is let in at once")
      scene.clock.advance(milliseconds: 6_000)
      #expect(await scene.authenticate("demo", "demo").principal?.keyID == "demo")
    }
  }

  @Test func malformedCredentialsCountAgainstTheAddress() async throws {
    try await AuthorityScene.with { scene in
      for _ in 0..<60 {
        _ = await scene.authority.authenticate(nil, address: scene.home)
      }
      #expect(
        await scene.authenticate() == .failure(.tooManyFailures(retryAfterSeconds: 1)))
      #expect(await scene.authenticate(from: "192.0.2.2").principal?.keyID == "demo")
    }
  }

  /// Goal: how long a refusal takes does not show whether the id exists, nor where the answer came
  /// from. Method: answers of very different speed leave at multiples of the same step.
  @Test func refusalsLeaveAtMultiplesOfAStep() async throws {
    try await withLoop { loop in
      let scene = try AuthorityScene(loop) { $0.refusalMilliseconds = 50 }
      defer { scene.close() }
      for (id, delay) in [("demo", 0), ("nobody", 0), ("demo", 20), ("nobody", 20)] {
        scene.database.during = {
          await loop.sleep(milliseconds: UInt64(delay))
          scene.clock.advance(milliseconds: UInt64(delay))
        }
        let began = EventLoop.monotonicNanoseconds
        #expect(await scene.authenticate(id, "wrong") == .failure(.invalid))
        let took = (EventLoop.monotonicNanoseconds - began) / 1_000_000
        #expect(took >= 49, "\(id) \(delay): \(took) ms")
      }
    }
  }

  @Test func lookUpsUnderWayAreBounded() async throws {
    try await AuthorityScene.with({ $0.pendingMax = 1 }) { scene in
      var second: Result<Principal, CredentialFailure>?
      scene.database.during = {
        scene.database.during = nil
        second = await scene.authenticate("other", "x")
      }
      #expect(await scene.authenticate().principal?.keyID == "demo")
      #expect(second == .failure(.unavailable))
      #expect(await scene.authenticate().principal?.keyID == "demo")
    }
  }

  // MARK: - Sessions

  @Test func aSessionIsOpenedWithAKeyUsedAndEnded() async throws {
    let demo = demo
    try await AuthorityScene.with { scene in
      let opened = try await scene.authority.createSession(for: demo)
      let token = opened.bearer.reveal()
      #expect(opened.idleSeconds == 1_800)
      #expect(token.hasPrefix("\(opened.id).") && token.utf8.count == 66)
      let who = try await scene.bearer(token).get()
      #expect(
        who
          == Principal(
            userID: demo.userID, accountID: demo.accountID, keyID: "demo", sessionID: opened.id))
      // A session opens no other; another user's is not found.
      await #expect(throws: SessionRefusal.needsKey) {
        _ = try await scene.authority.createSession(for: who)
      }
      let stranger = Principal(
        userID: FakeDatabase.account, accountID: FakeDatabase.account, keyID: "x")
      await #expect(throws: SessionRefusal.notFound) {
        try await scene.authority.endSession(opened.id, by: stranger)
      }
      try await scene.authority.endSession(opened.id, by: demo)
      #expect(await scene.bearer(token) == .failure(.invalid))
      await #expect(throws: SessionRefusal.notFound) {
        try await scene.authority.endSession(opened.id, by: demo)
      }
    }
  }

  @Test func aWrongSecretOfASessionNeitherOpensNorTouchesIt() async throws {
    let demo = demo
    try await AuthorityScene.with { scene in
      let opened = try await scene.authority.createSession(for: demo)
      scene.clock.advance(milliseconds: 120_000)
      let wrong = "\(opened.id).\(String(repeating: "A", count: 43))"
      #expect(await scene.bearer(wrong) == .failure(.invalid))
      #expect(!scene.database.questions.contains("touch"))
      _ = try await scene.bearer(opened.bearer.reveal()).get()
      #expect(scene.database.questions.filter { $0 == "touch" }.count == 1)
    }
  }

  @Test func aUseIsToldToPostgresAtMostOnceAMinute() async throws {
    let demo = demo
    try await AuthorityScene.with { scene in
      let token = try await scene.authority.createSession(for: demo).bearer.reveal()
      for _ in 0..<30 {
        scene.clock.advance(milliseconds: 10_000)
        _ = try await scene.bearer(token).get()
      }
      #expect(scene.database.questions.filter { $0 == "touch" }.count == 5)
    }
  }

  /// Goal: what Redis says is believed for a minute, not for ever. Method: a row that ended without
  /// anybody being told.
  @Test func aSessionThatEndedUnseenIsRefusedAtTheNextTouch() async throws {
    let demo = demo
    try await AuthorityScene.with { scene in
      let opened = try await scene.authority.createSession(for: demo)
      scene.clock.advance(milliseconds: 60_000)
      scene.database.during = { scene.database.sessions[opened.id]?.isOver = true }
      #expect(await scene.bearer(opened.bearer.reveal()) == .failure(.revoked))
    }
  }

  @Test func noSessionIsOpenedWhenPostgresIsAwayOrTheKeyRevoked() async throws {
    let demo = demo
    try await AuthorityScene.with { scene in
      scene.database.isDown = true
      await #expect(throws: SessionRefusal.unavailable) {
        _ = try await scene.authority.createSession(for: demo)
      }
      scene.database.isDown = false
      scene.database.revoke("demo")
      await #expect(throws: SessionRefusal.revoked) {
        _ = try await scene.authority.createSession(for: demo)
      }
    }
  }
}
