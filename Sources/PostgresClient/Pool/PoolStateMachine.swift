// Who gets which connection and when one is made, as a pure machine: no libpq, no clock of its own.
//
// A slot is empty, connecting or ready. A ready one is shared (statements of several callers under way
// at once) or exclusive (one transaction). Rules:
// - A statement goes to the shared slot with the least under way, at most `pipelineMax`; never behind
//   one that has kept the server busy for `stalledMilliseconds`.
// - A transaction needs a slot with nothing under way. When there is none, one shared slot is reserved
//   for the oldest waiting transaction: it gets no more statements and drains.
// - Who finds nothing waits, first come first served, at most `waitersMax`, at most `waitMilliseconds`.
// - A pool grows by one connection at a time while somebody waits or shares.
// - After a failed attempt the next one comes after a wait with full jitter. While nothing is ready
//   and the last attempt failed, the pool is down: callers are refused at once.
import EventLoops

struct PoolStateMachine {
  typealias Slot = Int
  typealias Request = UInt64

  enum Kind: Equatable { case shared, exclusive }
  enum Refusal: Equatable { case full, notConnected, late, closed }

  enum Answer: Equatable {
    case assigned(Slot)
    /// `Action.assign` or `Action.refuse` will follow.
    case waits
    case refused(Refusal)
  }

  enum Action: Equatable {
    case connect(Slot)
    case close(Slot, PostgresDown)
    case assign(Request, Slot)
    case refuse(Request, Refusal)
    case retryAfter(milliseconds: UInt64)
    case announceReady
    case announceDown
  }

  /// What the machine asks of the link in a slot.
  typealias HeadAge = (Slot) -> UInt64

  private enum State: Equatable {
    case empty
    case connecting
    case ready(load: Int, isExclusive: Bool, usedAt: UInt64)
  }

  private struct Waiter {
    let request: Request
    let deadline: UInt64
  }

  let options: PostgresOptions
  private var slots: [State]
  private var sharedWaiters = Fifo<Waiter>()
  private var exclusiveWaiters = Fifo<Waiter>()
  /// Drains for the oldest waiting transaction.
  private var reserved: Slot?
  private var backoff: ReconnectBackoff
  /// A retry is planned: no attempt before it.
  private var isWaitingToRetry = false
  private var lastRequest: Request = 0
  private var isStarted = false
  private var isClosed = false
  private(set) var isReady = false
  private(set) var isDown = false

  init(options: PostgresOptions) {
    precondition(options.poolMax > 0 && options.pipelineMax > 0)
    self.options = options
    slots = Array(repeating: .empty, count: options.poolMax)
    backoff = ReconnectBackoff(
      baseMilliseconds: options.reconnectDelayBaseMilliseconds,
      maxMilliseconds: options.reconnectDelayMaxMilliseconds)
  }

  var waiterCount: Int { sharedWaiters.count + exclusiveWaiters.count }
  var readyCount: Int { slots.count { if case .ready = $0 { true } else { false } } }
  /// Somebody waits for a connection or has one: something could take too long.
  var isInUse: Bool {
    waiterCount > 0
      || slots.contains {
        if case .ready(let load, let isExclusive, _) = $0 { load > 0 || isExclusive } else { false }
      }
  }
  private var connectingCount: Int { slots.count { $0 == .connecting } }

  // MARK: - Life

  mutating func start() -> [Action] {
    guard !isStarted, !isClosed else { return [] }
    isStarted = true
    return grow(needed: true)
  }

  mutating func close() -> [Action] {
    guard !isClosed else { return [] }
    isClosed = true
    isReady = false
    var actions = refuseAll(.closed)
    for slot in slots.indices where slots[slot] != .empty {
      slots[slot] = .empty
      actions.append(.close(slot, .closed))
    }
    return actions
  }

  // MARK: - Requests

  /// The number that the next `request` gets.
  mutating func request(
    _ kind: Kind, now: UInt64, headAge: HeadAge
  ) -> (Request, Answer, [Action]) {
    lastRequest += 1
    if isClosed || !isStarted { return (lastRequest, .refused(.closed), []) }
    if let slot = pick(kind, isNext: isFirst(kind), headAge: headAge) {
      occupy(slot, kind, now: now)
      return (lastRequest, .assigned(slot), grow(needed: load(slot) > 1))
    }
    if isDown { return (lastRequest, .refused(.notConnected), []) }
    guard waiterCount < options.waitersMax else { return (lastRequest, .refused(.full), []) }
    let waiter = Waiter(request: lastRequest, deadline: now + options.waitMilliseconds)
    switch kind {
    case .shared: sharedWaiters.append(waiter)
    case .exclusive:
      exclusiveWaiters.append(waiter)
      reserve()
    }
    return (lastRequest, .waits, grow(needed: true))
  }

  /// A caller stopped waiting.
  mutating func cancel(_ request: Request) {
    if sharedWaiters.remove(where: { $0.request == request }) != nil { return }
    _ = exclusiveWaiters.remove { $0.request == request }
    if exclusiveWaiters.isEmpty { reserved = nil }
  }

  /// Nobody of that kind waits in front.
  private func isFirst(_ kind: Kind) -> Bool {
    kind == .shared ? sharedWaiters.isEmpty : exclusiveWaiters.isEmpty
  }

  private func pick(_ kind: Kind, isNext: Bool, headAge: HeadAge) -> Slot? {
    guard isNext else { return nil }
    var best: Slot?
    var least = kind == .exclusive ? 1 : options.pipelineMax
    for slot in slots.indices {
      guard case .ready(let load, false, _) = slots[slot], load < least else { continue }
      if slot == reserved, kind == .shared { continue }
      if load > 0, headAge(slot) >= PoolStateMachine.stalledMilliseconds { continue }
      best = slot
      least = load
    }
    return best
  }

  private func load(_ slot: Slot) -> Int {
    if case .ready(let load, _, _) = slots[slot] { load } else { 0 }
  }

  private mutating func occupy(_ slot: Slot, _ kind: Kind, now: UInt64) {
    slots[slot] = .ready(load: load(slot) + 1, isExclusive: kind == .exclusive, usedAt: now)
    if slot == reserved { reserved = nil }
  }

  private mutating func reserve() {
    guard reserved == nil, !exclusiveWaiters.isEmpty else { return }
    reserved = slots.indices.filter {
      if case .ready(_, false, _) = slots[$0] { true } else { false }
    }.min { load($0) < load($1) }
  }

  /// Serves who waits, as far as it goes.
  private mutating func pump(now: UInt64, headAge: HeadAge) -> [Action] {
    var actions: [Action] = []
    while let (kind, slot) = nextToServe(headAge: headAge) {
      occupy(slot, kind, now: now)
      let waiter = kind == .shared ? sharedWaiters.popFirst() : exclusiveWaiters.popFirst()
      if let waiter { actions.append(.assign(waiter.request, slot)) }
    }
    if exclusiveWaiters.isEmpty { reserved = nil } else { reserve() }
    return actions + grow(needed: waiterCount > 0)
  }

  /// The older of the two first in line; the other one when that one finds nothing.
  private func nextToServe(headAge: HeadAge) -> (Kind, Slot)? {
    let shared = sharedWaiters.first?.request ?? .max
    let exclusive = exclusiveWaiters.first?.request ?? .max
    for kind in shared < exclusive ? [Kind.shared, .exclusive] : [.exclusive, .shared] {
      guard (kind == .shared ? shared : exclusive) < .max else { continue }
      if let slot = pick(kind, isNext: true, headAge: headAge) { return (kind, slot) }
    }
    return nil
  }

  // MARK: - Connections

  private mutating func grow(needed: Bool) -> [Action] {
    guard needed, !isClosed, !isWaitingToRetry, connectingCount == 0,
      let slot = slots.firstIndex(of: .empty)
    else { return [] }
    slots[slot] = .connecting
    return [.connect(slot)]
  }

  mutating func connected(_ slot: Slot, now: UInt64, headAge: HeadAge) -> [Action] {
    guard slots[slot] == .connecting else { return [] }
    slots[slot] = .ready(load: 0, isExclusive: false, usedAt: now)
    backoff.reset()
    isDown = false
    let announce: [Action] = isReady ? [] : [.announceReady]
    isReady = true
    return announce + pump(now: now, headAge: headAge)
  }

  /// An attempt failed, or a ready connection was lost.
  mutating func lost(_ slot: Slot, using random: inout some RandomNumberGenerator) -> [Action] {
    let wasConnecting = slots[slot] == .connecting
    guard slots[slot] != .empty else { return [] }
    slots[slot] = .empty
    if slot == reserved { reserved = nil }
    guard !isClosed else { return [] }
    let hasReady = readyCount > 0
    var actions: [Action] = []
    if !hasReady, isReady {
      isReady = false
      actions.append(.announceDown)
    }
    if hasReady { reserve() }
    if wasConnecting, !hasReady {
      // Nothing serves and nothing can be had: nobody is kept waiting for it.
      isDown = true
      actions += refuseAll(.notConnected)
    }
    // A server that drops sessions is not called again at once either.
    guard !isWaitingToRetry else { return actions }
    guard !hasReady || wasConnecting || waiterCount > 0 else { return actions }
    isWaitingToRetry = true
    return actions + [.retryAfter(milliseconds: backoff.next(using: &random))]
  }

  mutating func retry() -> [Action] {
    guard isWaitingToRetry else { return [] }
    isWaitingToRetry = false
    return grow(needed: readyCount == 0 || waiterCount > 0)
  }

  /// One statement of a shared slot, or the transaction of an exclusive one, is over. False
  /// `isUsable`: close it.
  mutating func released(
    _ slot: Slot, isUsable: Bool = true, now: UInt64, headAge: HeadAge
  ) -> [Action] {
    guard case .ready(let load, _, _) = slots[slot] else { return [] }
    slots[slot] = .ready(load: max(0, load - 1), isExclusive: false, usedAt: now)
    guard isUsable || load > 1 else {
      return retire(slot, .planOutdated, now: now, headAge: headAge)
    }
    return pump(now: now, headAge: headAge)
  }

  /// Closes a slot that nobody uses.
  private mutating func retire(
    _ slot: Slot, _ reason: PostgresDown, now: UInt64, headAge: HeadAge
  ) -> [Action] {
    slots[slot] = .empty
    if slot == reserved { reserved = nil }
    // Another takes its place at once when it was the last.
    let replacement = grow(needed: readyCount == 0)
    return [.close(slot, reason)] + replacement + pump(now: now, headAge: headAge)
  }

  // MARK: - Time

  mutating func tick(now: UInt64, headAge: HeadAge) -> [Action] {
    var actions: [Action] = []
    while let first = sharedWaiters.first, first.deadline <= now {
      _ = sharedWaiters.popFirst()
      actions.append(.refuse(first.request, .late))
    }
    while let first = exclusiveWaiters.first, first.deadline <= now {
      _ = exclusiveWaiters.popFirst()
      actions.append(.refuse(first.request, .late))
    }
    if exclusiveWaiters.isEmpty { reserved = nil }
    actions += pump(now: now, headAge: headAge)
    for slot in slots.indices where readyCount > 1 {
      guard case .ready(0, false, let usedAt) = slots[slot],
        usedAt + options.idleMilliseconds <= now
      else { continue }
      slots[slot] = .empty
      actions.append(.close(slot, .idle))
    }
    return actions
  }

  private mutating func refuseAll(_ refusal: Refusal) -> [Action] {
    let all = sharedWaiters.removeAll() + exclusiveWaiters.removeAll()
    reserved = nil
    return all.map { .refuse($0.request, refusal) }
  }

  /// No statement is put behind one that the server has worked at for this long: small statements
  /// take under 1 ms, so it is a long one or a lock, and the others need not wait for it.
  static let stalledMilliseconds: UInt64 = 20
}
