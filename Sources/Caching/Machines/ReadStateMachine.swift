/// One read of one key, from the question to Redis to the answer. Pure: events in, one action out.
///
///     begin -> ask -> value                          useValue
///                  -> lease   -> load, fill
///                  -> wait    -> sleep -> notice     ask again
///                                      -> deadline   load, do not fill
///                  -> failed  -> load, do not fill
///
/// A notice that comes before the answer `wait` (they come over two connections) is kept, and the
/// question asked again at once: else the read would sleep for a notice that is over. A value that
/// was asked for before an invalidation is asked for again, whichever comes first. A lease that
/// comes after its read gave up waiting is given back and never filled: the load may have begun
/// before the lease did, so an invalidation between the two would not have ended it.
struct ReadStateMachine {
  enum Reply: Hashable, Sendable {
    case value
    case lease
    case wait
    case failed
  }

  enum Loading: Hashable, Sendable {
    case leased
    case bypass(CacheBypass)
  }

  enum Action: Hashable, Sendable {
    case ask
    case sleep(until: UInt64)
    case load(Loading)
    /// `waited`: another reader loaded it meanwhile.
    case useValue(waited: Bool)
    case nothing
  }

  private enum State {
    /// What comes of the question is not to be slept on, not to be used.
    case asking(noticed: Bool, invalidated: Bool)
    case waiting(until: UInt64)
    case loading
    case finished
  }

  private var state: State = .finished
  private let waitMilliseconds: UInt64
  private var waitDeadline: UInt64?

  init(waitMilliseconds: UInt64) { self.waitMilliseconds = waitMilliseconds }

  /// The moment at which `ticked` has something to do.
  var deadline: UInt64? {
    if case .waiting(let until) = state { until } else { nil }
  }

  /// What comes of it may be older than a write that ends now: later readers must not join.
  var isLoading: Bool {
    if case .loading = state { true } else { false }
  }

  mutating func begin(mayAsk: Bool) -> Action {
    if mayAsk { return ask() }
    return load(.bypass(.unavailable))
  }

  mutating func answered(_ reply: Reply, now: UInt64) -> Action {
    guard case .asking(let noticed, let invalidated) = state else { return .nothing }
    switch reply {
    case .value:
      if invalidated { return ask() }
      state = .finished
      return .useValue(waited: waitDeadline != nil)
    case .lease: return load(.leased)
    case .failed: return load(.bypass(.unavailable))
    case .wait:
      let deadline = waitDeadline ?? now + waitMilliseconds
      waitDeadline = deadline
      if now >= deadline { return load(.bypass(.waitedTooLong)) }
      if noticed { return ask() }
      state = .waiting(until: deadline)
      return .sleep(until: deadline)
    }
  }

  /// The key was filled, or its lease has ended.
  mutating func noticed() -> Action {
    switch state {
    case .asking(_, let invalidated): state = .asking(noticed: true, invalidated: invalidated)
    case .waiting: return ask()
    case .loading, .finished: break
    }
    return .nothing
  }

  /// The key was written: a value that was asked for before is not to be used.
  mutating func invalidated() -> Action {
    guard case .asking = state else { return noticed() }
    state = .asking(noticed: true, invalidated: true)
    return .nothing
  }

  mutating func ticked(now: UInt64) -> Action {
    guard case .waiting(let until) = state, now >= until else { return .nothing }
    return load(.bypass(.waitedTooLong))
  }

  private mutating func ask() -> Action {
    state = .asking(noticed: false, invalidated: false)
    return .ask
  }

  private mutating func load(_ how: Loading) -> Action {
    state = .loading
    return .load(how)
  }
}
