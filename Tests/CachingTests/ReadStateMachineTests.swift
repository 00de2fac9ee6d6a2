import Testing

@testable import Caching

@Suite struct ReadStateMachineTests {
  private func asking() -> ReadStateMachine {
    var machine = ReadStateMachine(waitMilliseconds: 100)
    expectEqual(machine.begin(mayAsk: true), .ask)
    return machine
  }

  @Test func valueOfRedisIsUsed() {
    var machine = asking()
    expectEqual(machine.answered(.value, now: 5), .useValue(waited: false))
  }

  @Test func firstAskerLoadsUnderItsLease() {
    var machine = asking()
    expectEqual(machine.answered(.lease, now: 5), .load(.leased))
    #expect(machine.isLoading)
  }

  @Test func redisThatFailsIsPassedBy() {
    var machine = asking()
    expectEqual(machine.answered(.failed, now: 5), .load(.bypass(.unavailable)))
  }

  @Test func closedGateIsNotAsked() {
    var machine = ReadStateMachine(waitMilliseconds: 100)
    expectEqual(machine.begin(mayAsk: false), .load(.bypass(.unavailable)))
  }

  @Test func waiterAsksAgainWhenNoticed() {
    var machine = asking()
    expectEqual(machine.answered(.wait, now: 5), .sleep(until: 105))
    expectEqual(machine.noticed(), .ask)
    expectEqual(machine.answered(.value, now: 20), .useValue(waited: true))
  }

  @Test func waiterReadsTheDatabaseWhenItsTimeIsOver() {
    var machine = asking()
    _ = machine.answered(.wait, now: 5)
    expectEqual(machine.ticked(now: 104), .nothing)
    expectEqual(machine.ticked(now: 105), .load(.bypass(.waitedTooLong)))
  }

  /// Goal: the bound holds for all waits together. Method: a lease that changes hands each time.
  @Test func waitsTogetherAreBounded() {
    var machine = asking()
    _ = machine.answered(.wait, now: 5)
    expectEqual(machine.noticed(), .ask)
    expectEqual(machine.answered(.wait, now: 60), .sleep(until: 105))
    expectEqual(machine.noticed(), .ask)
    expectEqual(machine.answered(.wait, now: 110), .load(.bypass(.waitedTooLong)))
  }

  /// The notice and the answer come over two connections, in any order.
  @Test func noticeBeforeTheAnswerIsNotLost() {
    var machine = asking()
    expectEqual(machine.noticed(), .nothing)
    expectEqual(machine.answered(.wait, now: 5), .ask)
    expectEqual(machine.answered(.wait, now: 6), .sleep(until: 105))
  }

  @Test func valueAskedForBeforeAnInvalidationIsNotUsed() {
    var machine = asking()
    expectEqual(machine.invalidated(), .nothing)
    expectEqual(machine.answered(.value, now: 5), .ask)
    expectEqual(machine.answered(.lease, now: 6), .load(.leased))
  }

  @Test func fillNoticeDoesNotSpoilAValue() {
    var machine = asking()
    expectEqual(machine.noticed(), .nothing)
    expectEqual(machine.answered(.value, now: 5), .useValue(waited: false))
  }

  @Test func answersAfterTheEndChangeNothing() {
    var machine = asking()
    _ = machine.answered(.failed, now: 5)
    for reply: ReadStateMachine.Reply in [.value, .lease, .wait, .failed] {
      expectEqual(machine.answered(reply, now: 6), .nothing)
    }
    expectEqual(machine.noticed(), .nothing)
    expectEqual(machine.invalidated(), .nothing)
    expectEqual(machine.ticked(now: 1_000), .nothing)
  }
}
