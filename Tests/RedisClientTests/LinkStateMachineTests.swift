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

  @Test mutating func fenceEndsTheLinkThatWasGivenUp() throws {
    var options = RedisOptions()
    options.fencesEarlierLink = true
    var machine = RedisLinkStateMachine(url: try RedisURL("redis://h"), options: options)
    let line = "id=7 addr=/a b/r.sock:0 laddr=/a b/r.sock:0 fd=8"
    let first = try #require(RedisLinkStateMachine.Identity(clientInfo: line))
    #expect(first.id == "7" && first.address == "/a b/r.sock:0")
    _ = machine.start()
    #expect(machine.connected() == .greet([.identify, .ping]))
    _ = machine.greetingAnswered(.text(line), using: &random)
    #expect(machine.greetingAnswered(.accepted, using: &random) == .announceReady)
    _ = machine.failed(.silent(milliseconds: 900), using: &random)
    // It is ended by the first greeting that gets through.
    for _ in 0..<2 {
      _ = machine.retry()
      #expect(machine.connected() == .greet([.endEarlier(first), .identify, .ping]))
      _ = machine.failed(.connectTimedOut(milliseconds: 1_000), using: &random)
    }
    _ = machine.retry()
    _ = machine.connected()
    _ = machine.greetingAnswered(.number(1), using: &random)
    _ = machine.greetingAnswered(.text("id=9 addr=1.2.3.4:5 laddr=6.7.8.9:0"), using: &random)
    #expect(machine.greetingAnswered(.accepted, using: &random) == .announceReady)
    #expect(machine.fenceRefusal == nil)
    // What Redis ended itself needs no end.
    _ = machine.failed(.closedByServer, using: &random)
    _ = machine.retry()
    #expect(machine.connected() == .greet([.identify, .ping]))
  }

  @Test mutating func refusedFenceServesAndIsTold() throws {
    var options = RedisOptions()
    options.fencesEarlierLink = true
    var machine = RedisLinkStateMachine(url: try RedisURL("redis://h"), options: options)
    _ = machine.start()
    _ = machine.connected()
    _ = machine.greetingAnswered(server("NOPERM no CLIENT for you"), using: &random)
    #expect(machine.greetingAnswered(.accepted, using: &random) == .announceReady)
    #expect(machine.fenceRefusal?.kind == "NOPERM")
    _ = machine.failed(.silent(milliseconds: 900), using: &random)
    _ = machine.retry()
    #expect(machine.connected() == .greet([.identify, .ping]))
    // A password that is wanted is no matter of the fence.
    _ = machine.greetingAnswered(server("NOAUTH Authentication required."), using: &random)
    #expect(machine.lastFailure == .authenticationRequired)
    #expect(RedisLinkStateMachine.Identity(clientInfo: "name= id=3") == nil)
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
