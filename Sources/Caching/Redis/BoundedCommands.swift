// Commands to Redis whose caller hears within a bounded time: of the answer, of a failure, or that
// none came. An answer that comes too late is shown to `late`, since it may have given something.
//
// Everything runs on the loop's thread. Who owns it calls `tick` while `isBusy`.
import EventLoops
import RedisClient

enum CacheCommandError: Error, Hashable {
  /// No answer in time.
  case unanswered
  case redis(RedisError)

  /// Redis is not there, in contrast to not liking this command.
  var meansAway: Bool {
    switch self {
    case .unanswered, .redis(.notConnected), .redis(.connectionLost), .redis(.full): true
    case .redis(.server(let error)):
      ["LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "READONLY"].contains(error.kind)
    default: false
    }
  }
}

final class BoundedCommands {
  typealias Receiver = (Result<RedisValue, CacheCommandError>) -> Void

  private struct Outstanding {
    let deadline: UInt64
    let receive: Receiver
    /// A tick has seen it overdue.
    var isOverdue = false
  }

  private let redis: RedisConnection
  private let answerMilliseconds: UInt64
  private var outstanding: [UInt64: Outstanding] = [:]
  private var nextNumber: UInt64 = 0
  /// Each outcome, before its receiver: for the breaker.
  var onOutcome: ((CacheCommandError?) -> Void)?
  /// There is something outstanding now.
  var onBusy: (() -> Void)?

  init(_ redis: RedisConnection, answerMilliseconds: UInt64) {
    self.redis = redis
    self.answerMilliseconds = answerMilliseconds
  }

  var isBusy: Bool { !outstanding.isEmpty }

  /// Runs a script by its digest, and by its text where Redis does not know it.
  func run(
    _ script: CacheScript, key: String, _ arguments: [[UInt8]],
    late: ((RedisValue) -> Void)? = nil, _ receive: @escaping Receiver
  ) {
    let name = Array(key.utf8)
    let keys = [name, CacheKey.lease(of: name)]
    let number = begin(receive)
    redis.send(Redis.EvalSHA(script.digest, keys: keys, arguments: arguments)) { [self] result in
      if case .failure(.server(let error)) = result, error.kind == "NOSCRIPT" {
        redis.send(Redis.Eval(script.text, keys: keys, arguments: arguments)) { [self] result in
          finish(number, result, late)
        }
        return
      }
      finish(number, result, late)
    }
  }

  func send<C: RedisCommand>(
    _ command: C, late: ((RedisValue) -> Void)? = nil, _ receive: @escaping Receiver
  ) {
    let number = begin(receive)
    redis.sendForView(command) { [self] result in
      finish(number, result.map { RedisValue($0) }, late)
    }
  }

  /// Fails what was overdue at the last tick already. Not what is so for the first time: after a turn
  /// that took long, timers come before the sockets, where the answer may be waiting.
  func tick(now: UInt64) {
    guard isBusy else { return }
    let overdue = outstanding.filter { $0.value.deadline <= now }.keys.sorted()
    for number in overdue {
      if outstanding[number]?.isOverdue == false {
        outstanding[number]?.isOverdue = true
        continue
      }
      guard let entry = outstanding.removeValue(forKey: number) else { continue }
      onOutcome?(.unanswered)
      entry.receive(.failure(.unanswered))
    }
  }

  private func begin(_ receive: @escaping Receiver) -> UInt64 {
    nextNumber += 1
    let wasBusy = isBusy
    outstanding[nextNumber] = Outstanding(
      deadline: redis.loop.nowMilliseconds + answerMilliseconds, receive: receive)
    if !wasBusy { onBusy?() }
    return nextNumber
  }

  private func finish(
    _ number: UInt64, _ result: Result<RedisValue, RedisError>, _ late: ((RedisValue) -> Void)?
  ) {
    guard let entry = outstanding.removeValue(forKey: number) else {
      if case .success(let value) = result { late?(value) }
      return
    }
    let outcome = result.mapError { CacheCommandError.redis($0) }
    if case .failure(let error) = outcome { onOutcome?(error) } else { onOutcome?(nil) }
    entry.receive(outcome)
  }
}
