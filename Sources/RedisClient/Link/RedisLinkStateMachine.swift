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
//
// With a fence (`RedisOptions.fencesEarlierLink`) CLIENT KILL for the link before, if that may still
// have something on its way, and CLIENT INFO, which tells what the next link will have to name. The
// number alone could be another client's after a restart of Redis; the address goes with it.
import EventLoops

struct RedisLinkStateMachine {
  enum Step: Hashable {
    case auth(user: String?, password: Secret)
    case select(Int)
    /// Ends the link before.
    case endEarlier(Identity)
    case identify
    case ping
  }

  /// A link as Redis knows it.
  struct Identity: Hashable {
    let id: String
    let address: String

    /// From the line that CLIENT INFO answers: `id=7 addr=10.0.0.1:4711 laddr=… `.
    init?(clientInfo line: String) {
      guard line.hasPrefix("id="), let address = line.firstRange(of: " addr="),
        let rest = line.firstRange(of: " laddr="), address.upperBound < rest.lowerBound
      else { return nil }
      id = String(line[..<address.lowerBound].dropFirst(3))
      self.address = String(line[address.upperBound..<rest.lowerBound])
    }
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
    case number(Int64)
    case text(String)
    case refused(RedisServerError)
    case unexpected(RedisReplyKind)

    init(_ view: RedisReplyView) {
      if let error = view.error {
        self = .refused(error)
      } else if let number = view.integer {
        self = .number(number)
      } else {
        switch view.kind {
        case .simpleString: self = .accepted
        case .bulkString: self = .text(view.text)
        default: self = .unexpected(view.kind)
        }
      }
    }

    var kind: RedisReplyKind {
      switch self {
      case .accepted: .simpleString
      case .number: .integer
      case .text: .bulkString
      case .refused: .error
      case .unexpected(let kind): kind
      }
    }
  }

  private(set) var state = State.down
  private(set) var backoff: ReconnectBackoff
  /// Why there is no link, for a description; nil before the first failure.
  private(set) var lastFailure: RedisLinkDown?
  /// What Redis refused of the fence in the last greeting.
  private(set) var fenceRefusal: RedisServerError?
  private let greeting: [Step]
  private let isFenced: Bool
  /// The steps of the greeting under way.
  private(set) var steps: [Step] = []
  private var identity: Identity?
  /// A link of ours that was given up and may still have something on its way.
  private var earlier: Identity?

  init(url: RedisURL, options: RedisOptions) {
    var steps: [Step] = []
    if let password = url.password { steps.append(.auth(user: url.user, password: password)) }
    if url.database != 0 { steps.append(.select(url.database)) }
    greeting = steps
    isFenced = options.fencesEarlierLink
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
    fenceRefusal = nil
    steps = greeting
    if let earlier { steps.append(.endEarlier(earlier)) }
    if isFenced { steps.append(.identify) }
    steps.append(.ping)
    return .greet(steps)
  }

  mutating func greetingAnswered(
    _ answer: GreetingAnswer, using random: inout some RandomNumberGenerator
  ) -> Action {
    guard case .greeting(let answered) = state else { return .none }
    let step = steps[answered]
    switch (step, answer) {
    case (.auth, .accepted), (.select, .accepted), (.ping, .accepted), (.endEarlier, .number): break
    case (.identify, .text(let line)): identity = Identity(clientInfo: line)
    case (.endEarlier, .refused(let error)) where error.isOfTheCommand,
      (.identify, .refused(let error)) where error.isOfTheCommand:
      fenceRefusal = error
    case (_, .refused(let error)):
      return failed(RedisLinkStateMachine.failure(of: step, error), using: &random)
    case (_, .accepted), (_, .number), (_, .text), (_, .unexpected):
      let what = "the greeting was answered by \(answer.kind)"
      return failed(.protocolViolated(what), using: &random)
    }
    guard answered + 1 == steps.count else {
      state = .greeting(answered: answered + 1)
      return .none
    }
    state = .ready
    earlier = nil
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
      // What Redis itself ended has nothing on its way any more.
      if wasReady { earlier = reason == .closedByServer ? nil : identity }
      identity = nil
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
    case (.ping, _), (.endEarlier, _), (.identify, _): .notServing(error.description)
    }
  }
}

extension RedisServerError {
  /// Whether Redis serves and only this command is not for us: not permitted, renamed or unknown.
  fileprivate var isOfTheCommand: Bool { kind == "NOPERM" || kind == "ERR" }
}
