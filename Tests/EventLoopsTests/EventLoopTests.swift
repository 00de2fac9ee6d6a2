import EventLoops
import Glibc
import Testing

private actor Counter {
  let loop: EventLoop
  private(set) var count = 0
  init(loop: EventLoop) { self.loop = loop }
  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  func add() -> Bool {
    count += 1
    return loop.inLoop
  }

  func addAfterSuspension() async -> Bool {
    await loop.sleep(milliseconds: 1)
    return add()
  }
}

@Suite struct EventLoopTests {
  @Test func workFromAnotherThreadRunsInOrder() async throws {
    try await withLoop { loop in
      let seen = LoopBox<[Int]>([])
      for number in 0..<10_000 { loop.submit { seen.value.append(number) } }
      let all = try await loop.run { seen.value }
      #expect(all == Array(0..<10_000))
    }
  }

  @Test func wakeUpsAreCoalesced() async throws {
    try await withLoop { loop in
      let gate = Shared(false)
      loop.submit { while !gate.value { sched_yield() } }  // hold the loop while work piles up
      let before = LoopBox<UInt64>(0)
      for _ in 0..<5_000 { loop.submit {} }
      gate.update { $0 = true }
      let wakeups = try await loop.run { loop.wakeups - before.value }
      #expect(wakeups < 100, "5,000 jobs behind one gate took \(wakeups) wake-ups")
    }
  }

  @Test func anEndlessChainOfJobsDoesNotStarveTimers() async throws {
    try await withLoop { loop in
      let ended = Shared(false)
      @Sendable func again() {
        guard !ended.value else { return }
        loop.submit(again)
      }
      loop.submit(again)
      await onLoop(loop) { done in
        let timer = LoopBox<LoopTimer?>(nil)
        timer.value = LoopTimer(loop: loop) {
          timer.value?.close()
          timer.value = nil
          done()
        }
        timer.value?.start(afterMilliseconds: 5)
      }
      ended.update { $0 = true }
    }
  }

  @Test func oneTurnRunsABoundedBatch() async throws {
    try await withLoop { loop in
      let count = EventLoopLimits.jobsPerTurnMax * 3
      let turns = LoopBox<(first: UInt64, last: UInt64)>((0, 0))
      await onLoop(loop) { done in
        for index in 0..<count {
          loop.submit {
            if index == 0 { turns.value.first = loop.turns }
            if index == count - 1 {
              turns.value.last = loop.turns
              done()
            }
          }
        }
      }
      let spread = try await loop.run { turns.value.last - turns.value.first }
      #expect(spread >= 2)
    }
  }

  @Test func actorsLiveOnTheLoop() async throws {
    try await withLoop { loop in
      let counter = Counter(loop: loop)
      #expect(await counter.add())
      #expect(await counter.addAfterSuspension())
      let viaCallback = try await loop.run {
        counter.assumeIsolated { $0.add() }  // what a C callback does
      }
      #expect(viaCallback)
      #expect(await counter.count == 3)
    }
  }

  @Test func aTaskWithTheLoopAsPreferenceStaysOnIt() async throws {
    try await withLoop { loop in
      let stayed = await Task(executorPreference: loop) {
        var stayed = loop.inLoop
        for _ in 0..<10 {
          await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            loop.submit { continuation.resume() }
          }
          stayed = stayed && loop.inLoop
        }
        return stayed
      }.value
      #expect(stayed)
    }
  }

  @Test func anImmediateTaskRunsInsideTheCallback() async throws {
    try await withLoop { loop in
      let order = try await loop.run {
        let order = LoopBox<[String]>([])
        Task.immediate(executorPreference: loop) { order.value.append("task") }
        order.value.append("after")
        return order.value
      }
      #expect(order == ["task", "after"])
    }
  }

  @Test func cancellingASleepEndsIt() async throws {
    try await withLoop { loop in
      let sleeper = Task(executorPreference: loop) { await loop.sleep(milliseconds: 3_600_000) }
      sleeper.cancel()
      await sleeper.value
    }
  }

  @Test func startAndStopLeaveNoDescriptorOpen() async throws {
    func descriptors() -> Int {
      var count = 0
      for fd in 0..<Int32(1_024) where fcntl(fd, F_GETFD) != -1 { count += 1 }
      return count
    }
    try await withLoop { _ in }
    let before = descriptors()
    for round in 0..<20 {
      try await withLoop("round \(round)") { loop in _ = try await loop.run { 1 } }
    }
    // Other tests of this process open loops meanwhile: a leak would be at least 20 x 2.
    #expect(descriptors() < before + 40)
  }

  @Test func workHandedOverBeforeTheStopStillRuns() throws {
    let loop = try EventLoop.start(name: "late")
    let ran = Shared(0)
    for _ in 0..<1_000 { loop.submit { ran.update { $0 += 1 } } }
    loop.stop()
    loop.join()
    #expect(ran.value == 1_000)
  }

  @Test func aLoopCanRunOnTheCallersThread() throws {
    let loop = try EventLoop(name: "caller")
    let inLoop = Shared(false)
    loop.submit {
      inLoop.update { $0 = loop.inLoop }
      loop.stop()
    }
    loop.run()
    #expect(inLoop.value)
    #expect(!loop.inLoop)
  }

  @Test func workAfterTheStopTraps() async {
    await #expect(processExitsWith: .failure) {
      let loop = try EventLoop.start(name: "gone")
      loop.stop()
      loop.join()
      loop.submit {}
    }
  }

  @Test func aHandleLeftOpenTrapsAtTheStop() async {
    await #expect(processExitsWith: .failure) {
      let loop = try EventLoop(name: "open")
      loop.submit {
        let timer = LoopTimer(loop: loop) {}
        _ = Unmanaged.passRetained(timer)  // leaked on purpose
        loop.stop()
      }
      loop.run()
    }
  }

  @Test func aWrongThreadTraps() async {
    await #expect(processExitsWith: .failure) {
      let loop = try EventLoop.start(name: "other")
      _ = LoopTimer(loop: loop) {}
    }
  }
}
