import EventLoops
import TestSupport
import Testing

@testable import RedisClient

@Suite struct LinkStateMachineTests {
  private var random = SplitMix64(seed: 3)

  private func machine(_ url: String) throws -> RedisLinkStateMachine {
    RedisLinkStateMachine(url: try RedisURL(url), options: RedisOptions())
  }

  private func server(_ line: String) -> RedisLinkStateMachine.GreetingAnswer {
    .refused(RedisServerError(line: line))
  }

  @Test mutating func greetingGoesThroughAuthSelectPing() throws {
    var machine = try machine("redis://me:x@h/2")
    #expect(machine.start() == .connect)
    #expect(machine.start() == .none)
    #expect(
      machine.connected()
        == .greet([.auth(user: "me", password: Secret("x")), .select(2), .ping]))
    #expect(machine.greetingAnswered(.accepted, using: &random) == .none)
    #expect(machine.greetingAnswered(.accepted, using: &random) == .none)
    #expect(machine.state == .greeting(answered: 2))
    #expect(machine.greetingAnswered(.accepted, using: &random) == .announceReady)
    #expect(machine.state == .ready && machine.lastFailure == nil)
  }

  @Test mutating func plainGreetingIsAPing() throws {
    var machine = try machine("redis://h")
    _ = machine.start()
    #expect(machine.connected() == .greet([.ping]))
  }

  @Test mutating func refusalsAreNamed() throws {
    let cases: [(String, Int, String, RedisLinkDown)] = [
      ("redis://:x@h", 0, "WRONGPASS no", .authenticationFailed("WRONGPASS no")),
      (
        "redis://:x@h", 0, "ERR AUTH called without any password",
        .authenticationFailed("ERR AUTH called without any password")
      ),
      (
        "redis://h/9", 0, "ERR DB index is out of range",
        .databaseRefused("ERR DB index is out of range")
      ),
      ("redis://h/9", 0, "NOAUTH Authentication required.", .authenticationRequired),
      ("redis://h", 0, "NOAUTH Authentication required.", .authenticationRequired),
      ("redis://h", 0, "LOADING wait", .notServing("LOADING wait")),
      ("redis://:x@h", 1, "MASTERDOWN wait", .notServing("MASTERDOWN wait")),
    ]
    for (url, accepted, line, reason) in cases {
      var machine = try machine(url)
      _ = machine.start()
      _ = machine.connected()
      for _ in 0..<accepted { _ = machine.greetingAnswered(.accepted, using: &random) }
      guard
        case .retryLater(_, wasReady: false) = machine.greetingAnswered(
          server(line), using: &random)
      else {
        Issue.record("\(line) did not fail")
        return
      }
      #expect(machine.lastFailure == reason && machine.state == .waiting)
    }
  }

  @Test mutating func lostLinkComesBackAndOnlyServingResetsTheWait() throws {
    var machine = try machine("redis://h")
    _ = machine.start()
    for attempt in 1...6 {
      guard case .retryLater(_, wasReady: false) = machine.failed(.connectFailed(1), using: &random)
      else {
        Issue.record("attempt \(attempt)")
        return
      }
      #expect(machine.backoff.attempt == attempt)
      #expect(machine.failed(.closedByServer, using: &random) == .none)
      #expect(machine.retry() == .connect)
    }
    _ = machine.connected()
    #expect(machine.backoff.attempt == 6)
    _ = machine.greetingAnswered(.accepted, using: &random)
    #expect(machine.backoff.attempt == 0)
    guard case .retryLater(_, wasReady: true) = machine.failed(.closedByServer, using: &random)
    else {
      Issue.record("a ready link failed otherwise")
      return
    }
    #expect(machine.lastFailure == .closedByServer)
  }

  @Test mutating func closedStaysClosed() throws {
    var machine = try machine("redis://h")
    _ = machine.start()
    #expect(machine.close() == .closeSocket(wasReady: false))
    #expect(machine.close() == .none)
    #expect(machine.start() == .none && machine.retry() == .none && machine.connected() == .none)
    #expect(machine.failed(.closedByServer, using: &random) == .none)
    #expect(machine.state == .closed)
  }

  @Test mutating func waitsAreDrawnFromTheFullRange() {
    var ceilings: [UInt64] = []
    var sum: UInt64 = 0
    for _ in 0..<2_000 {
      var backoff = ReconnectBackoff(baseMilliseconds: 50, maxMilliseconds: 1_000)
      ceilings = []
      for _ in 0..<8 {
        let ceiling = backoff.ceilingMilliseconds
        ceilings.append(ceiling)
        let wait = backoff.next(using: &random)
        #expect(wait <= ceiling)
        if ceiling == 1_000 { sum += wait }
      }
    }
    #expect(ceilings == [50, 100, 200, 400, 800, 1_000, 1_000, 1_000])
    let mean = sum / 6_000
    #expect((450...550).contains(mean), "full jitter has its mean at half: \(mean)")
    var endless = ReconnectBackoff(baseMilliseconds: .max, maxMilliseconds: 1_000)
    for _ in 0..<100 { #expect(endless.next(using: &random) <= 1_000) }
  }
}
