import TestSupport
import Testing

@testable import PostgresClient

@Suite struct PoolStateMachineTests {
  private var random = SplitMix64(seed: 5)
  private var machine: PoolStateMachine

  init() { machine = PoolStateMachine(options: PoolStateMachineTests.options()) }

  private static func options(
    _ change: (inout PostgresOptions) -> Void = { _ in }
  ) -> PostgresOptions {
    var options = PostgresOptions()
    options.poolMax = 2
    options.pipelineMax = 2
    options.waitersMax = 3
    change(&options)
    return options
  }

  private let quick: PoolStateMachine.HeadAge = { _ in 0 }

  private mutating func ask(
    _ kind: PoolStateMachine.Kind = .shared, now: UInt64 = 0
  ) -> (PoolStateMachine.Answer, [PoolStateMachine.Action]) {
    let (_, answer, actions) = machine.request(kind, now: now, headAge: quick)
    return (answer, actions)
  }

  private mutating func ready(_ slot: Int) -> [PoolStateMachine.Action] {
    machine.connected(slot, now: 0, headAge: quick)
  }

  @Test mutating func callersWaitForTheFirstConnection() {
    #expect(ask().0 == .refused(.closed))  // before start
    #expect(machine.start() == [.connect(0)])
    #expect(ask() == (.waits, []))
    #expect(ready(0) == [.announceReady, .assign(2, 0)])
    #expect(machine.isReady)
  }

  @Test mutating func statementsGoWhereLeastIsUnderWayAndThePoolGrows() {
    _ = machine.start()
    _ = ready(0)
    #expect(ask() == (.assigned(0), []))
    #expect(ask() == (.assigned(0), [.connect(1)]))  // shares: grow
    #expect(ask() == (.waits, []))  // two at most, one attempt at a time
    #expect(ready(1) == [.assign(3, 1)])
    #expect(ask().0 == .assigned(1))
    #expect(machine.released(0, now: 0, headAge: quick) == [])
    #expect(ask().0 == .assigned(0))
  }

  @Test mutating func nobodyIsPutBehindALongStatement() {
    _ = machine.start()
    _ = ready(0)
    _ = ask()
    let (_, answer, actions) = machine.request(.shared, now: 0) { _ in
      PoolStateMachine.stalledMilliseconds
    }
    #expect(answer == .waits && actions == [.connect(1)])
    // The long one is over.
    #expect(machine.released(0, now: 0, headAge: quick) == [.assign(2, 0)])
  }

  @Test mutating func overTheBoundIsRefused() {
    _ = machine.start()
    for _ in 0..<3 { #expect(ask().0 == .waits) }
    #expect(ask().0 == .refused(.full))
    #expect(ask(.exclusive).0 == .refused(.full))
  }

  /// A transaction waits for a connection to drain, which then gets no more statements; the others go
  /// on serving.
  @Test mutating func transactionGetsADrainedConnection() {
    _ = machine.start()
    _ = ready(0)
    _ = ask()
    _ = ask()
    _ = ready(1)
    _ = ask()
    #expect(ask(.exclusive).0 == .waits)  // 0 has two, 1 has one: 1 is reserved
    #expect(ask().0 == .waits)  // neither 0, full, nor 1
    #expect(machine.released(0, now: 0, headAge: quick) == [.assign(5, 0)])
    #expect(machine.released(1, now: 0, headAge: quick) == [.assign(4, 1)])
    #expect(ask().0 == .waits)  // 1 is the transaction's, 0 is full
    #expect(machine.released(1, now: 0, headAge: quick) == [.assign(6, 1)])
  }

  @Test mutating func waitingEndsInTime() {
    _ = machine.start()
    _ = ask(now: 100)
    _ = ask(.exclusive, now: 150)
    #expect(machine.tick(now: 2_099, headAge: quick) == [])
    #expect(machine.tick(now: 2_100, headAge: quick) == [.refuse(1, .late)])
    #expect(machine.tick(now: 2_150, headAge: quick) == [.refuse(2, .late)])
    #expect(machine.waiterCount == 0)
  }

  @Test mutating func cancelledWaiterIsPassedOver() {
    _ = machine.start()
    _ = ask()
    _ = ask()
    machine.cancel(1)
    machine.cancel(99)
    #expect(ready(0) == [.announceReady, .assign(2, 0)])
  }

  @Test mutating func serverThatIsAwayIsToldAtOnceAndTriedWithJitter() {
    _ = machine.start()
    _ = ask()
    let failed = machine.lost(0, using: &random)
    #expect(failed.first == .refuse(1, .notConnected))
    guard case .retryAfter(let wait)? = failed.last else {
      Issue.record("\(failed)")
      return
    }
    #expect(wait <= 50 && failed.count == 2)
    #expect(ask().0 == .refused(.notConnected))
    #expect(machine.retry() == [.connect(0)])
    #expect(ask().0 == .refused(.notConnected))
    #expect(ready(0) == [.announceReady])
    #expect(ask().0 == .assigned(0))
  }

  /// A lost session is no reason to refuse: its callers wait for the next one.
  @Test mutating func lostConnectionIsReplaced() {
    _ = machine.start()
    _ = ready(0)
    let lost = machine.lost(0, using: &random)
    #expect(lost.first == .announceDown && lost.count == 2)
    #expect(ask() == (.waits, []))  // not before the wait is over
    #expect(machine.retry() == [.connect(0)])
    #expect(ready(0) == [.announceReady, .assign(1, 0)])
  }

  @Test mutating func waitsBetweenAttemptsGrowToTheirMaximum() {
    _ = machine.start()
    var longest: UInt64 = 0
    for round in 0..<200 {
      guard case .retryAfter(let wait)? = machine.lost(0, using: &random).last else {
        Issue.record("round \(round)")
        return
      }
      longest = max(longest, wait)
      #expect(wait <= 2_000)
      _ = machine.retry()
    }
    #expect(longest > 1_000)
  }

  @Test mutating func idleConnectionsAreClosedButForOne() {
    _ = machine.start()
    _ = ready(0)
    _ = ask()
    _ = ask()
    _ = machine.connected(1, now: 0, headAge: quick)
    _ = machine.released(0, now: 10, headAge: quick)
    _ = machine.released(0, now: 10, headAge: quick)
    #expect(machine.tick(now: 59_999, headAge: quick) == [])
    #expect(machine.tick(now: 60_010, headAge: quick) == [.close(0, .idle)])
    #expect(machine.tick(now: 900_000, headAge: quick) == [])
    #expect(machine.readyCount == 1)
  }

  @Test mutating func outdatedConnectionIsReplacedWhenItIsEmpty() {
    _ = machine.start()
    _ = ready(0)
    _ = ask()
    #expect(
      machine.released(0, isUsable: false, now: 0, headAge: quick)
        == [.close(0, .planOutdated), .connect(0)])
    _ = ready(0)
    _ = ask()
    _ = ask()
    #expect(machine.released(0, isUsable: false, now: 0, headAge: quick) == [])
  }

  @Test mutating func closeRefusesAndClosesEverything() {
    _ = machine.start()
    _ = ask()
    #expect(machine.close() == [.refuse(1, .closed), .close(0, .closed)])
    #expect(ask().0 == .refused(.closed))
    #expect(machine.close() == [] && machine.start() == [] && machine.retry() == [])
  }

  /// Goal: whatever happens, no bound is passed, every request is answered once, a transaction never
  /// shares, and who waits is served in the end.
  @Test(arguments: seeds(count: 20)) func randomLifeKeepsTheRules(seed: UInt64) {
    var life = PoolLife(seed: seed)
    for step in 0..<4_000 {
      life.step()
      guard life.broken == nil else {
        Issue.record("seed \(seed), step \(step): \(life.broken!)")
        return
      }
    }
    life.settle()
    #expect(life.broken == nil && life.open.isEmpty, "seed \(seed)")
    #expect(life.served > 300, "seed \(seed)")
  }
}

/// A pool driven at random, and what is known of each slot and request.
private struct PoolLife {
  private var random: SplitMix64
  private var machine: PoolStateMachine
  private var now: UInt64 = 0
  private var connecting: Set<Int> = []
  /// Of ready slots: what runs there.
  private var running: [Int: [PoolStateMachine.Kind]] = [:]
  private var isRetrying = false
  private var kinds: [UInt64: PoolStateMachine.Kind] = [:]
  /// Requests that wait.
  private(set) var open: Set<UInt64> = []
  private(set) var broken: String?
  private(set) var served = 0

  init(seed: UInt64) {
    random = SplitMix64(seed: seed)
    var options = PostgresOptions()
    options.poolMax = 3
    options.pipelineMax = 4
    options.waitersMax = 20
    options.waitMilliseconds = 500
    options.idleMilliseconds = 300
    machine = PoolStateMachine(options: options)
    perform(machine.start())
  }

  private func age(_ slot: Int) -> UInt64 { UInt64(slot * 7) }

  mutating func step() {
    now += UInt64.random(in: 0...4, using: &random)
    switch Int.random(in: 0..<20, using: &random) {
    case 0..<9: ask()
    case 9..<15: release()
    case 15: if let slot = connecting.randomElement(using: &random) { connected(slot) }
    case 16 where Int.random(in: 0..<4, using: &random) == 0: lose()
    case 17:
      if let request = open.randomElement(using: &random) {
        open.remove(request)
        machine.cancel(request)
      }
    case 18 where isRetrying:
      isRetrying = false
      perform(machine.retry())
    default: perform(machine.tick(now: now, headAge: age))
    }
    if running.count + connecting.count > 3 { broken = "over poolMax" }
    if machine.waiterCount > 20 || machine.waiterCount != open.count { broken = "waiters" }
  }

  /// No new callers and no more faults: everybody is served.
  mutating func settle() {
    for _ in 0..<200 where !open.isEmpty && broken == nil {
      for slot in connecting { connected(slot) }
      if isRetrying {
        isRetrying = false
        perform(machine.retry())
      }
      release()
    }
  }

  private mutating func ask() {
    let kind: PoolStateMachine.Kind =
      Int.random(in: 0..<4, using: &random) == 0 ? .exclusive : .shared
    let (request, answer, actions) = machine.request(kind, now: now, headAge: age)
    kinds[request] = kind
    switch answer {
    case .assigned(let slot): occupy(slot, kind)
    case .waits: open.insert(request)
    case .refused: break
    }
    perform(actions)
  }

  private mutating func occupy(_ slot: Int, _ kind: PoolStateMachine.Kind) {
    guard var list = running[slot] else {
      broken = "assigned to \(slot), which is not ready"
      return
    }
    if list.contains(.exclusive) || (kind == .exclusive && !list.isEmpty) { broken = "shared" }
    list.append(kind)
    if list.count > 4 { broken = "over pipelineMax" }
    running[slot] = list
    served += 1
  }

  private mutating func release() {
    let busy = running.filter { !$0.value.isEmpty }.keys.sorted()
    guard let slot = busy.randomElement(using: &random) else { return }
    running[slot]?.removeLast()
    let isUsable = Int.random(in: 0..<10, using: &random) > 0
    perform(machine.released(slot, isUsable: isUsable, now: now, headAge: age))
  }

  private mutating func connected(_ slot: Int) {
    connecting.remove(slot)
    running[slot] = []
    perform(machine.connected(slot, now: now, headAge: age))
  }

  private mutating func lose() {
    let all = connecting.sorted() + running.keys.sorted()
    guard let slot = all.randomElement(using: &random) else { return }
    connecting.remove(slot)
    running[slot] = nil
    perform(machine.lost(slot, using: &random))
  }

  private mutating func perform(_ actions: [PoolStateMachine.Action]) {
    for action in actions {
      switch action {
      case .connect(let slot):
        if running[slot] != nil || !connecting.insert(slot).inserted { broken = "connects twice" }
      case .close(let slot, _):
        if running[slot]?.isEmpty == false { broken = "closes what is used" }
        running[slot] = nil
        connecting.remove(slot)
      case .assign(let request, let slot):
        if open.remove(request) == nil { broken = "answers twice" }
        if let kind = kinds[request] { occupy(slot, kind) }
      case .refuse(let request, _): if open.remove(request) == nil { broken = "answers twice" }
      case .retryAfter: isRetrying = true
      case .announceReady, .announceDown: break
      }
    }
  }
}
