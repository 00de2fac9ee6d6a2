import TestSupport
import Testing

@testable import PostgresClient

@Suite struct PipelineStateMachineTests {
  private var machine = PipelineStateMachine()

  /// Everything that a whole statement which needs no preparing gets.
  private mutating func complete(_ id: UInt32, now: UInt64 = 0) {
    #expect(machine.received(.success) == .take(id))
    #expect(machine.ended(now: now) == .none)
    #expect(machine.synced(now: now) == .finish(id))
  }

  @Test mutating func statementEndsAtItsSyncAndIsPreparedOnce() {
    #expect(machine.mustPrepare("a"))
    machine.sent(1, name: "a", hasSync: true, now: 0)
    #expect(!machine.mustPrepare("a"))
    machine.sent(2, name: "a", hasSync: true, now: 0)
    #expect(machine.received(.success) == .none)  // prepared
    #expect(machine.ended(now: 0) == .none)
    complete(1)
    complete(2)
    machine.sent(3, name: "a", hasSync: true, now: 0)
    complete(3)
    #expect(machine.isEmpty && machine.preparedCount == 1)
  }

  @Test mutating func errorConcernsItsOwnSyncOnly() {
    machine.sent(1, name: nil, hasSync: true, now: 0)
    machine.sent(2, name: nil, hasSync: true, now: 0)
    #expect(machine.received(.error(sqlState: "22012")) == .take(1))
    #expect(machine.ended(now: 0) == .none)
    #expect(machine.synced(now: 0) == .finish(1))
    complete(2)
  }

  /// A deferred constraint: the rows came, the commit at the sync failed.
  @Test mutating func errorAtTheSyncComesAfterTheRows() {
    machine.sent(1, name: nil, hasSync: true, now: 0)
    #expect(machine.received(.success) == .take(1))
    #expect(machine.ended(now: 0) == .none)
    #expect(machine.received(.error(sqlState: "23505")) == .take(1))
    #expect(machine.ended(now: 0) == .none)
    #expect(machine.synced(now: 0) == .finish(1))
  }

  @Test mutating func failedPreparingIsForgottenAndToldOnce() {
    machine.sent(1, name: "a", hasSync: true, now: 0)
    machine.sent(2, name: "a", hasSync: true, now: 0)
    #expect(machine.received(.error(sqlState: "42P01")) == .take(1))
    #expect(machine.ended(now: 0) == .none)
    #expect(machine.received(.aborted) == .none)
    #expect(machine.ended(now: 0) == .none)
    #expect(machine.synced(now: 0) == .finish(1))
    #expect(machine.mustPrepare("a"))
    #expect(machine.received(.error(sqlState: "26000")) == .takeFailedPrepare(2, name: "a"))
    #expect(machine.ended(now: 0) == .none)
    #expect(machine.synced(now: 0) == .finish(2))
  }

  /// BEGIN and the first statement of a transaction share a sync.
  @Test mutating func failedBeginSkipsWhatIsBehindIt() {
    machine.sent(1, name: nil, hasSync: false, now: 0)
    machine.sent(2, name: "a", hasSync: true, now: 0)
    #expect(machine.received(.error(sqlState: "25001")) == .take(1))
    #expect(machine.ended(now: 0) == .finish(1))
    #expect(machine.received(.aborted) == .skip(2))
    #expect(machine.mustPrepare("a"))
    #expect(machine.ended(now: 0) == .none)
    #expect(machine.received(.aborted) == .none)
    #expect(machine.ended(now: 0) == .none)
    #expect(machine.synced(now: 0) == .finish(2))
  }

  @Test mutating func whatDoesNotFitIsViolation() {
    #expect(machine.received(.success) == .violated("a result that nothing asked for"))
    #expect(machine.synced(now: 0) == .violated("a sync where a result was due"))
    machine.sent(1, name: nil, hasSync: true, now: 0)
    #expect(machine.ended(now: 0) == .none)
    #expect(machine.ended(now: 0) == .none)
    #expect(machine.ended(now: 0) == .violated("no result where one was due"))
    #expect(machine.received(.success) == .take(1))
    #expect(machine.received(.success) == .violated("two results of one statement"))
  }

  /// The clock of the server's work begins anew with each statement; a caller's runs from the sending.
  @Test mutating func ageOfTheHeadAndOfTheCallersAreTwoThings() {
    machine.sent(1, name: nil, hasSync: true, now: 100)
    machine.sent(2, name: nil, hasSync: true, now: 110)
    #expect(machine.headAge(now: 150) == 50)
    #expect(!machine.isOverdue(now: 199, limit: 100) && machine.isOverdue(now: 200, limit: 100))
    complete(1, now: 190)
    #expect(machine.headAge(now: 210) == 20)
    #expect(!machine.isOverdue(now: 210, limit: 100))
    #expect(machine.expired(now: 209, limit: 100).isEmpty)
    #expect(machine.expired(now: 210, limit: 100) == [2])
    #expect(machine.removeAll().map(\.id) == [2] && machine.isEmpty)
  }

  /// Goal: whatever server answers, each statement is finished once, in order, with the last thing
  /// that was said of it. Method: a model of a server that fails preparing, executing or committing at
  /// random, against the machine.
  @Test(arguments: seeds(count: 20)) func randomServerIsUnderstood(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var machine = PipelineStateMachine()
    var server = ModelServer(random: SplitMix64(seed: seed &+ 1))
    var finished: [UInt32] = []
    var said: [UInt32: Bool] = [:]
    var id: UInt32 = 0
    for _ in 0..<3_000 {
      if Bool.random(using: &random), machine.count < 16 {
        id += 1
        let name = ["a", "b", "c", nil].randomElement(using: &random)!
        let prepares = name.map { machine.mustPrepare($0) } ?? false
        machine.sent(id, name: name, hasSync: true, now: 0)
        server.accept(id, name: name, prepares: prepares)
      } else if let event = server.next() {
        let action: PipelineStateMachine.Action =
          switch event {
          case .result(let result): machine.received(result)
          case .end: machine.ended(now: 0)
          case .sync: machine.synced(now: 0)
          }
        switch action {
        case .none: break
        case .take(let id): said[id] = event == .result(.success)
        case .skip(let id): said[id] = false
        case .takeFailedPrepare(let id, _): said[id] = false
        case .finish(let id):
          finished.append(id)
          #expect(said[id] == server.outcomes[id], "seed \(seed), statement \(id)")
        case .violated(let reason):
          Issue.record("seed \(seed): \(reason)")
          return
        }
      }
    }
    #expect(finished == Array(1..<UInt32(finished.count + 1)), "seed \(seed)")
    #expect(finished.count > 300, "seed \(seed)")
  }
}

/// What PostgreSQL and libpq would say, by the rules in the manual.
private struct ModelServer {
  enum Event: Equatable {
    case result(PipelineStateMachine.Result)
    case end, sync
  }

  var random: SplitMix64
  private(set) var outcomes: [UInt32: Bool] = [:]
  private var events: [Event] = []
  private var names: Set<String> = []

  init(random: SplitMix64) { self.random = random }

  mutating func accept(_ id: UInt32, name: String?, prepares: Bool) {
    func fails() -> Bool { Int.random(in: 0..<5, using: &random) == 0 }
    var isGood = true
    if prepares, let name {
      if fails() {
        isGood = false
        events += [.result(.error(sqlState: "42601")), .end]
      } else {
        names.insert(name)
        events += [.result(.success), .end]
      }
    }
    if !isGood {
      events += [.result(.aborted), .end]
    } else if let name, !names.contains(name) {
      isGood = false
      events += [.result(.error(sqlState: "26000")), .end]
    } else if fails() {
      isGood = false
      events += [.result(.error(sqlState: "22012")), .end]
    } else {
      events += [.result(.success), .end]
      if fails() {
        isGood = false
        events += [.result(.error(sqlState: "23505")), .end]
      }
    }
    events.append(.sync)
    outcomes[id] = isGood
  }

  mutating func next() -> Event? { events.isEmpty ? nil : events.removeFirst() }
}
