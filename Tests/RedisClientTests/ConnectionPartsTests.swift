import TestSupport
import Testing

@testable import RedisClient

@Suite struct ConnectionPartsTests {
  @Test func pendingRepliesAreAQueueThatGrows() {
    var random = SplitMix64(seed: 5)
    var pending = PendingReplies()
    var model: [UInt64] = []
    var next: UInt64 = 0
    for _ in 0..<20_000 {
      if Int.random(in: 0..<5, using: &random) < 3 {
        pending.append(PendingReply(outputEnd: next, sentAt: 0, receiver: .slot(Int(next))))
        model.append(next)
        next += 1
      } else {
        let popped = pending.popFirst()?.outputEnd
        #expect(popped == (model.isEmpty ? nil : model.removeFirst()))
      }
      let (count, first) = (pending.count, pending.first?.outputEnd)
      #expect(count == model.count && first == model.first)
    }
  }

  @Test func receiversWithoutASlotAreNotMistakenForOne() {
    for receiver: PendingReceiver in [.probe, .set, .spublish, .publish, .delete] {
      #expect(receiver.slot == nil)
    }
    #expect(PendingReceiver.slot(0).slot == 0)
    #expect(PendingReceiver.slot(RedisLimits.pendingMax - 1).slot == RedisLimits.pendingMax - 1)
  }

  @Test func errorsAreReportedFirstAndThenAtABoundedRate() {
    var tally = ErrorTally(reportEveryMilliseconds: 100)
    func count(_ line: String, at now: UInt64) -> UInt64? {
      Array(line.utf8).withUnsafeBytes { tally.count($0, now: now) }
    }
    #expect(count("OOM command not allowed", at: 0) == 1)
    #expect(count("OOM again", at: 50) == nil)
    #expect(count("READONLY", at: 50) == 1)
    #expect(count("OOM again", at: 100) == 2)
    #expect(tally.totals == ["OOM": 3, "READONLY": 1])
  }

  @Test func errorKindsAreBounded() {
    var tally = ErrorTally()
    for number in 0..<1_000 {
      Array("KIND\(number) x".utf8).withUnsafeBytes { _ = tally.count($0, now: 0) }
    }
    #expect(tally.totals.count == RedisLimits.errorKindsMax)
    #expect(tally.totals["OTHER"] == UInt64(1_000 - RedisLimits.errorKindsMax + 1))
  }

  @Test func redirectionsAreRead() {
    let moved = RedisServerError(line: "MOVED 3999 127.0.0.1:6381").redirection
    #expect(moved?.slot == 3_999 && moved?.host == "127.0.0.1" && moved?.port == 6_381)
    #expect(moved?.isAsk == false)
    let ask = RedisServerError(line: "ASK 1 ::1:7000").redirection
    #expect(ask?.host == "::1" && ask?.isAsk == true)
    #expect(RedisServerError(line: "MOVED 1 :7000").redirection?.host == "")
    for line in ["MOVED", "MOVED 16384 h:1", "MOVED 1 h", "MOVED 1 h:x", "ERR MOVED 1 h:1"] {
      #expect(RedisServerError(line: line).redirection == nil)
    }
  }

  @Test func errorLinesHaveAKindAndAMessage() {
    let plain = RedisServerError(line: "WRONGTYPE Operation against a key")
    #expect(plain.kind == "WRONGTYPE" && plain.message == "Operation against a key")
    let odd = RedisServerError(line: "something went wrong")
    #expect(odd.kind == "ERR" && odd.message == "something went wrong")
    #expect(RedisServerError(line: "").kind == "ERR")
    #expect(RedisServerError(line: "NOAUTH").message == "")
  }

  @Test func commandsExposeTheirKeyAndSlot() {
    #expect(Redis.Get("foo").slot == 12_182)
    #expect(Redis.Eval("x", keys: [Array("foo".utf8)]).slot == 12_182)
    #expect(Redis.Publish(Array("foo".utf8), []).slot == 12_182)
    #expect(Redis.Publish(Array("foo".utf8), [], isSharded: false).slot == nil)
    #expect(Redis.Ping().slot == nil)
  }

  @Test func aSecretIsNeverShown() {
    let secret = Secret("hunter2")
    var dumped = ""
    dump([secret], to: &dumped)
    for shown in ["\(secret)", String(reflecting: secret), "\([secret])", dumped] {
      #expect(!shown.contains("hunter2"))
    }
  }
}
