import EventLoops
import Testing

private final class Recorder: TurnEndObserver {
  var calls: [UInt64] = []
  var again: (() -> Void)?
  let loop: EventLoop
  init(loop: EventLoop) { self.loop = loop }
  func loopTurnEnded() {
    calls.append(loop.turns)
    again?()
  }
}

@Suite struct TurnEndTests {
  @Test func observersAreCalledOnceAfterAllJobsOfTheTurn() async throws {
    try await withLoop { loop in
      let order = LoopBox<[String]>([])
      let recorder = LoopBox<Recorder?>(nil)
      _ = try await loop.run {
        let observer = Recorder(loop: loop)
        observer.again = { order.value.append("end") }
        recorder.value = observer
        loop.atTurnEnd(observer)
        loop.submit { order.value.append("job 1") }
        loop.submit { order.value.append("job 2") }
      }
      let seen = try await loop.run { order.value }
      #expect(seen == ["job 1", "job 2", "end"])
    }
  }

  @Test func anObserverThatAlwaysAsksAgainDoesNotHoldTheLoop() async throws {
    try await withLoop { loop in
      let recorder = LoopBox<Recorder?>(nil)
      _ = try await loop.run {
        let observer = Recorder(loop: loop)
        observer.again = { [unowned observer] in loop.atTurnEnd(observer) }
        recorder.value = observer
        loop.atTurnEnd(observer)
      }
      await onLoop(loop) { done in
        let timer = LoopBox<LoopTimer?>(nil)
        timer.value = LoopTimer(loop: loop) {
          timer.value?.close()
          timer.value = nil
          recorder.value?.again = nil
          done()
        }
        timer.value?.start(afterMilliseconds: 2)
      }
      let perTurn = try await loop.run {
        Dictionary(grouping: recorder.value!.calls) { $0 }.values.map(\.count).max()!
      }
      #expect(perTurn <= EventLoopLimits.turnEndRoundsMax)
    }
  }
}
