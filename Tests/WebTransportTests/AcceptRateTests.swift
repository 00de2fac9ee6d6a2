import EventLoops
import Glibc
import TestSupport
import Testing

@testable import WebTransport

struct AcceptRateTests {
  /// How many of ten are taken.
  private func ten(_ rate: inout AcceptRate, _ now: UInt64) -> Int {
    (0..<10).count { _ in rate.take(nowMilliseconds: now) }
  }

  @Test func aBurstThenTheRate() {
    var rate = AcceptRate(perSecond: 100, burst: 5)
    var taken = [ten(&rate, 1_000_000)]
    #expect(rate.millisecondsToNext == 10)
    taken += [ten(&rate, 1_000_009), ten(&rate, 1_000_010)]
    // An idle hour fills it to the burst and no further.
    taken.append(ten(&rate, 4_600_000))
    // A clock that goes back changes nothing.
    taken.append(ten(&rate, 0))
    #expect(taken == [5, 0, 1, 5, 0])
  }

  @Test func overTimeItIsTheRateWhateverTheSteps() {
    for seed in UInt64(1)...20 {
      var random = SplitMix64(seed: seed)
      let perSecond = Int.random(in: 1...5_000, using: &random)
      var rate = AcceptRate(perSecond: perSecond, burst: 5)
      var now: UInt64 = 77
      var taken = 0
      while now < 60_077 {
        now += UInt64.random(in: 0...3, using: &random)
        if rate.take(nowMilliseconds: now) { taken += 1 }
      }
      // One in a step at the most, and the steps are of 1.5 ms in the mean.
      #expect(taken <= perSecond * 60 + 6, "seed \(seed)")
      if perSecond < 300 { #expect(taken >= perSecond * 60 - 2, "seed \(seed)") }
    }
  }

  @Test func theRefusedAreSpreadOverTheTimeItTakes() {
    var rate = AcceptRate(perSecond: 1_000, burst: 1)
    _ = rate.take(nowMilliseconds: 5_000)
    let told = (0..<4_500).map { _ in rate.refuse() }
    #expect(told.min() == 1 && told.max() == 5)
    #expect(told.count { $0 == 3 } == 1_000)
    // They have come by then.
    _ = rate.take(nowMilliseconds: 10_000)
    let next = rate.refuse()
    #expect(next == 1)
    // However many, the wait is bounded.
    let many = (0..<100_000).map { _ in rate.refuse() }
    #expect(many.max() == 30)
  }
}

/// Storms of connections on real sockets.
@Suite(.serialized) struct ConnectStormTests {
  @Test func overTheRateIs503WithRetryAfter() async throws {
    try await withServer({
      $0.acceptsPerSecond = 2
      $0.acceptBurst = 3
    }) { fixture in
      let held = try (0..<3).map { _ in try fixture.socket() }
      for socket in held { #expect(socket.request("GET", "/hello")?.status == 200) }
      var refused: [Int] = []
      for _ in 0..<8 {
        let socket = try fixture.socket()
        guard let answer = socket.readAnswer(milliseconds: 300) else { continue }
        #expect(answer.errorCode == 50_310_000)
        let seconds = try #require(answer.headers["retry-after"].flatMap { Int($0) })
        refused.append(seconds)
        #expect(socket.readToEnd() == [])
      }
      #expect(refused.count >= 3)
      #expect(refused.allSatisfy { (1...5).contains($0) })
      #expect(try await fixture.counters().refusedForRate == UInt64(refused.count))
      // Those who are there are served, and after the time that was told a new one is.
      #expect(held[0].request("GET", "/hello")?.status == 200)
      let comes = try await TestSupport.until(milliseconds: 8_000) {
        try fixture.socket().request("GET", "/hello")?.status == 200
      }
      #expect(comes)
    }
  }

  /// Goal: whoever has a connection does not notice the storm. Method: a client echoes for as long as
  /// two threads connect without a pause.
  @Test func aStormDoesNotStarveThoseWhoAreThere() async throws {
    try await withEchoServer({
      $0.acceptsPerSecond = 50
      $0.acceptBurst = 50
    }) { fixture in
      let socket = try fixture.socket()
      #expect(socket.openWebSocket()?.status == 101)
      let port = fixture.port
      let isOver = Locked(false)
      let connects = Locked(0)
      let storms = (0..<2).map { _ in
        Task.detached {
          while !isOver.withLock({ $0 }) {
            guard let one = try? RawSocket(port: port) else { continue }
            one.close()
            connects.withLock { $0 += 1 }
          }
        }
      }
      var worst = 0.0
      var round = 0
      let deadline = Deadline(milliseconds: 10_000)
      while connects.withLock({ $0 }) < 500, !deadline.hasPassed {
        round += 1
        let start = EventLoop.monotonicNanoseconds
        socket.sendText("\(round)")
        #expect(socket.readFrame()?.text == "\(round)")
        worst = max(worst, Double(EventLoop.monotonicNanoseconds - start) / 1e9)
      }
      isOver.withLock { $0 = true }
      for storm in storms { await storm.value }
      #expect(worst < 2)
      let counters = try await fixture.counters()
      #expect(counters.refusedForRate > 100)
      #expect(counters.accepted < UInt64(50 + 50 * 60))
    }
  }

  @Test func overTLSTheyWaitForTheirTurn() async throws {
    let certificate = try TestCertificates().serve()
    try await withServer({
      $0.certificate = certificate
      $0.acceptsPerSecond = 5
      $0.acceptBurst = 2
    }) { fixture in
      let sockets = try (0..<6).map { _ in try fixture.socket() }
      #expect(try await fixture.until { $0.accepted == 2 })
      #expect(try await fixture.counters().acceptsDeferred > 0)
      // Nobody is refused, all are taken, at the rate.
      #expect(try await fixture.until { $0.accepted == 6 })
      #expect(try await fixture.counters().refusedForRate == 0)
      for socket in sockets { socket.close() }
      #expect(try await fixture.until { $0.connections == 0 })
    }
  }
}
