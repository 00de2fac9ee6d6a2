// The life of a listener as a pure machine.
//
//   idle --start--> connecting --connected--> asking --last acknowledgement--> listening
//                     ^   |                     |                                 |
//                     |   +------- lost --------+---------------- lost -----------+--> waiting --retry--> connecting
//   close, from everywhere --> closed
import EventLoops

struct ListenerStateMachine {
  enum State: Equatable {
    case idle, connecting
    case asking(acknowledged: Int)
    case listening, waiting, closed
  }

  enum Action: Equatable {
    case none
    case connect
    /// LISTEN to every channel; each answer comes back as `acknowledged`.
    case listen
    case announceListening
    case retryAfter(milliseconds: UInt64, wasListening: Bool, PostgresDown)
    case closeLink
  }

  private(set) var state = State.idle
  private let channels: Int
  private var backoff: ReconnectBackoff

  init(options: PostgresOptions, channels: Int) {
    self.channels = channels
    backoff = ReconnectBackoff(
      baseMilliseconds: options.reconnectDelayBaseMilliseconds,
      maxMilliseconds: options.reconnectDelayMaxMilliseconds)
  }

  mutating func start() -> Action {
    guard state == .idle else { return .none }
    state = .connecting
    return .connect
  }

  mutating func connected() -> Action {
    guard state == .connecting else { return .none }
    state = .asking(acknowledged: 0)
    return .listen
  }

  mutating func acknowledged() -> Action {
    guard case .asking(let count) = state else { return .none }
    guard count + 1 == channels else {
      state = .asking(acknowledged: count + 1)
      return .none
    }
    state = .listening
    // Not before: a server that takes sessions but no LISTEN is not asked in a fast circle.
    backoff.reset()
    return .announceListening
  }

  mutating func lost(
    _ reason: PostgresDown, using random: inout some RandomNumberGenerator
  ) -> Action {
    switch state {
    case .connecting, .asking, .listening:
      let wasListening = state == .listening
      state = .waiting
      return .retryAfter(
        milliseconds: backoff.next(using: &random), wasListening: wasListening, reason)
    case .idle, .waiting, .closed: return .none
    }
  }

  mutating func retry() -> Action {
    guard state == .waiting else { return .none }
    state = .connecting
    return .connect
  }

  mutating func close() -> Action {
    guard state != .closed else { return .none }
    state = .closed
    return .closeLink
  }
}
