// The life of one link as a pure machine: events in, actions out. The shell (RedisLink) performs the
// actions and reports what came of them.
//
//   down --start--> connecting --connected--> greeting --last answer--> ready
//     ^                 |                        |                        |
//     |                 +------- failed ---------+--------- failed -------+--> waiting --retry--> connecting
//   close, from everywhere --> closed
//
// Greeting: AUTH if there is a password, SELECT if the database is not 0, then PING, which also finds
// a Redis that wants a password or does not serve yet. All leave in one write; answers come in order.
import EventLoops

struct RedisLinkStateMachine {
  enum Step: Hashable {
    case auth(user: String?, password: Secret)
    case select(Int)
    case ping
  }

  enum State: Equatable {
    case down
    case connecting
    case greeting(answered: Int)
    case ready
    case waiting
    case closed
  }

  enum Action: Equatable {
    case none
    case connect
    /// Write these, report the answers by `greetingAnswered`.
    case greet([Step])
    case announceReady
    /// Close the socket, tell the owner if `wasReady`, come back by `retry` after the wait.
    case retryLater(milliseconds: UInt64, wasReady: Bool)
    case closeSocket(wasReady: Bool)
  }

  /// An answer to a step of the greeting.
  enum GreetingAnswer: Equatable {
    case accepted
    case refused(RedisServerError)
    case unexpected(RedisReplyKind)
  }

  private(set) var state = State.down
  private(set) var backoff: ReconnectBackoff
  /// Why there is no link, for a description; nil before the first failure.
  private(set) var lastFailure: RedisLinkDown?
  let steps: [Step]

  init(url: RedisURL, options: RedisOptions) {
    var steps: [Step] = []
    if let password = url.password { steps.append(.auth(user: url.user, password: password)) }
    if url.database != 0 { steps.append(.select(url.database)) }
    steps.append(.ping)
    self.steps = steps
    backoff = ReconnectBackoff(
      baseMilliseconds: options.reconnectDelayBaseMilliseconds,
      maxMilliseconds: options.reconnectDelayMaxMilliseconds)
  }

  mutating func start() -> Action {
    guard state == .down else { return .none }
    state = .connecting
    return .connect
  }

  mutating func connected() -> Action {
    guard state == .connecting else { return .none }
    state = .greeting(answered: 0)
    return .greet(steps)
  }

  mutating func greetingAnswered(
    _ answer: GreetingAnswer, using random: inout some RandomNumberGenerator
  ) -> Action {
    guard case .greeting(let answered) = state else { return .none }
    let step = steps[answered]
    switch answer {
    case .accepted: break
    case .refused(let error):
      return failed(RedisLinkStateMachine.failure(of: step, error), using: &random)
    case .unexpected(let kind):
      return failed(.protocolViolated("the greeting was answered by \(kind)"), using: &random)
    }
    guard answered + 1 == steps.count else {
      state = .greeting(answered: answered + 1)
      return .none
    }
    state = .ready
    lastFailure = nil
    backoff.reset()
    return .announceReady
  }

  mutating func failed(
    _ reason: RedisLinkDown, using random: inout some RandomNumberGenerator
  ) -> Action {
    switch state {
    case .connecting, .greeting, .ready:
      let wasReady = state == .ready
      state = .waiting
      lastFailure = reason
      return .retryLater(milliseconds: backoff.next(using: &random), wasReady: wasReady)
    case .down, .waiting, .closed: return .none
    }
  }

  mutating func retry() -> Action {
    guard state == .waiting else { return .none }
    state = .connecting
    return .connect
  }

  mutating func close() -> Action {
    guard state != .closed else { return .none }
    let wasReady = state == .ready
    state = .closed
    lastFailure = .closed
    return .closeSocket(wasReady: wasReady)
  }

  private static func failure(of step: Step, _ error: RedisServerError) -> RedisLinkDown {
    switch (step, error.kind) {
    case (_, "NOAUTH"): .authenticationRequired
    case (_, "LOADING"), (_, "BUSY"), (_, "MASTERDOWN"): .notServing(error.description)
    case (.auth, _): .authenticationFailed(error.description)
    case (.select, _): .databaseRefused(error.description)
    case (.ping, _): .notServing(error.description)
    }
  }
}
