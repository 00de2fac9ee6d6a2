public import Logging

/// A log for what may come a million times a second: malformed lines, refused clients. Of each kind
/// the first `burst` messages of an interval are written, the rest is counted and said in one line,
/// `... 12 more suppressed`, when the interval is over.
///
/// Belongs to the thread that made it. The count is said at the next message of its kind or at
/// `flush`, which its owner calls now and then.
public final class RateLimitedLog {
  private struct Kind {
    let name: String
    var started: UInt64
    var written = 0
    var suppressed = 0
    var level: Logger.Level
  }

  private let logger: Logger
  private let burst: Int
  private let interval: UInt64
  private let now: () -> UInt64
  private var kinds: [Kind] = []
  private var places: [String: Int] = [:]

  /// `now` gives milliseconds of a clock that does not go back, such as `EventLoop.nowMilliseconds`.
  public init(
    _ logger: Logger, burst: Int = 5, intervalMilliseconds: UInt64 = 10_000,
    now: @escaping () -> UInt64
  ) {
    precondition(burst > 0 && intervalMilliseconds > 0)
    self.logger = logger
    self.burst = burst
    interval = intervalMilliseconds
    self.now = now
  }

  /// `kind` is a constant of the code, never text from outside: there are at most
  /// `ServiceSupportLimits.logKindsMax`, further ones share the last one's allowance.
  public func log(
    _ level: Logger.Level, kind: String, _ message: @autoclosure () -> Logger.Message,
    metadata: @autoclosure () -> Logger.Metadata? = nil
  ) {
    guard level >= logger.logLevel else { return }
    let place = place(of: kind, level: level)
    let time = now()
    if time &- kinds[place].started >= interval { turn(place, time) }
    guard kinds[place].written < burst else {
      kinds[place].suppressed += 1
      kinds[place].level = max(kinds[place].level, level)
      return
    }
    kinds[place].written += 1
    logger.log(level: level, message(), metadata: metadata())
  }

  /// Says what was suppressed in intervals that are over; with `all` also in those under way, at the
  /// owner's end.
  public func flush(all: Bool = false) {
    let time = now()
    for place in kinds.indices where all || time &- kinds[place].started >= interval {
      turn(place, time)
    }
  }

  private func turn(_ place: Int, _ time: UInt64) {
    let kind = kinds[place]
    if kind.suppressed > 0 {
      logger.log(level: kind.level, "\(kind.name): ... \(kind.suppressed) more suppressed")
    }
    kinds[place].started = time
    kinds[place].written = 0
    kinds[place].suppressed = 0
    kinds[place].level = .trace
  }

  private func place(of name: String, level: Logger.Level) -> Int {
    if let place = places[name] { return place }
    guard kinds.count < ServiceSupportLimits.logKindsMax else { return kinds.count - 1 }
    kinds.append(Kind(name: name, started: now(), level: level))
    places[name] = kinds.count - 1
    return kinds.count - 1
  }
}
