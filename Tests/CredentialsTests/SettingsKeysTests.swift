import EventLoops
import ServiceSupport
import Testing

@testable import Credentials

@Suite struct SettingsKeysTests {
  private let home = ClientAddress("192.0.2.1")
  private let away = ClientAddress("192.0.2.2")
  private let clock = Locked<UInt64>(1_000_000)

  private func door() throws -> SettingsKeys {
    SettingsKeys(
      try APIKeys(parsing: "demo:demo,other:other"), FailureRules(),
      now: { [clock] in clock.withLock { $0 } })
  }

  /// The rules are those of an authority: one mechanism.
  @Test func aStormOnAKeyTouchesNobodyElse() throws {
    let door = try door()
    for _ in 0..<10 {
      #expect(door.authenticate(id: "demo", secret: "x", address: home) == .failure(.invalid))
    }
    for _ in 0..<1_000 {
      #expect(
        door.authenticate(id: "demo", secret: "x", address: home)
          == .failure(.tooManyFailures(retryAfterSeconds: 6)))
    }
    #expect(door.authenticate(id: "demo", secret: "demo", address: away) == .success("demo"))
    #expect(door.authenticate(id: "other", secret: "other", address: home) == .success("other"))
    #expect(door.authenticate(id: "other", secret: "other", address: away) == .success("other"))
    clock.withLock { $0 += 6_000 }
    #expect(door.authenticate(id: "demo", secret: "demo", address: home) == .success("demo"))
  }

  @Test func namesThatNobodyHasCountAgainstTheAddress() throws {
    let door = try door()
    for number in 0..<60 {
      let id = number % 2 == 0 ? "k\(number)" : String(repeating: "k", count: 100 + number)
      #expect(door.authenticate(id: id, secret: "x", address: home) == .failure(.invalid))
    }
    #expect(
      door.authenticate(id: "demo", secret: "demo", address: home)
        == .failure(.tooManyFailures(retryAfterSeconds: 1)))
    #expect(door.authenticate(id: "demo", secret: "demo", address: away) == .success("demo"))
  }
}
