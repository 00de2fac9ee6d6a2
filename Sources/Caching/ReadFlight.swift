import EventLoops

/// One read of one key under way, and everybody who waits for its answer (single flight).
final class ReadFlight {
  let key: String
  let policy: CachePolicy
  let load: CacheAside.LoadRow
  let number: UInt64
  var machine: ReadStateMachine
  /// Of the newest question.
  var token: [UInt8] = []
  var ticket: LocalCache.Ticket?
  /// When the newest question left: what it answers expires counted from here.
  var askedAt: UInt64 = 0
  private var waiters: [ReadWaiter] = []

  init(
    key: String, policy: CachePolicy, number: UInt64, load: @escaping CacheAside.LoadRow
  ) {
    self.key = key
    self.policy = policy
    self.number = number
    self.load = load
    machine = ReadStateMachine(waitMilliseconds: policy.waitMilliseconds)
  }

  func join(_ waiter: ReadWaiter) { waiters.append(waiter) }

  /// The first waiter began the flight; the others were spared a question.
  func answer(
    _ result: Result<(value: [UInt8]?, outcome: CacheOutcome), any Error>,
    count: (CacheOutcome) -> Void
  ) {
    let waiters = waiters
    self.waiters = []
    for (place, waiter) in waiters.enumerated() {
      switch result {
      case .success(let (value, outcome)):
        let own = place == 0 ? outcome : outcome.ofJoined
        count(own)
        waiter.finish(.success(CacheAside.Answer(value: value, outcome: own)))
      case .failure(let error): waiter.finish(.failure(error))
      }
    }
  }
}

extension CacheOutcome {
  /// Of a reader that joined another one: that one's query served it too.
  var ofJoined: CacheOutcome {
    switch self {
    case .localHit, .hit, .waited: self
    case .miss, .bypass: .waited
    }
  }
}

/// One caller of `read`.
typealias ReadWaiter = LoopWait<Result<CacheAside.Answer, any Error>>
