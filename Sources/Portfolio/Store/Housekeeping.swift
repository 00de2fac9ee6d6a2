// What a service does for its database without being asked: the equity rows of each interval, and
// pruning. Belongs to the pool's loop. A run that fails is reported and left to the next one; runs of
// one kind never overlap.
import EventLoops
import Glibc
import PostgresClient

final class Housekeeping {
  private let pool: PostgresPool
  private let equity: EquityHistoryJob
  private let microsecondsNow: () -> Int64
  private let report: (String) -> Void
  private var equityTimer: LoopTimer?
  private var pruneTimer: LoopTimer?
  private var isWriting = false
  private var isPruning = false
  /// Written wholly.
  private var lastMoment: Int64?

  init(
    pool: PostgresPool, prices: @escaping EquityHistoryJob.Prices,
    microsecondsNow: @escaping () -> Int64 = Housekeeping.wallClock,
    report: @escaping (String) -> Void
  ) {
    self.pool = pool
    equity = EquityHistoryJob(pool: pool, prices: prices)
    self.microsecondsNow = microsecondsNow
    self.report = report
  }

  /// Looks every second whether an interval has begun, which follows the wall clock's jumps.
  func start() {
    equityTimer = LoopTimer(loop: pool.loop) { [weak self] in self?.writeIfDue() }
    equityTimer?.start(afterMilliseconds: 1_000, repeatingMilliseconds: 1_000)
    pruneTimer = LoopTimer(loop: pool.loop) { [weak self] in self?.pruneIfIdle() }
    pruneTimer?.start(
      afterMilliseconds: PortfolioLimits.pruneMilliseconds,
      repeatingMilliseconds: PortfolioLimits.pruneMilliseconds)
  }

  func close() {
    equityTimer?.close()
    pruneTimer?.close()
    equityTimer = nil
    pruneTimer = nil
  }

  private func writeIfDue() {
    let moment = EquityHistoryJob.moment(microsecondsNow())
    guard !isWriting, moment != lastMoment, pool.isReady else { return }
    isWriting = true
    let here = OnLoop(owner: self)
    Task.immediate(executorPreference: pool.loop) { await here.owner.write(at: moment) }
  }

  private func write(at moment: Int64) async {
    do {
      try await equity.write(at: moment)
      lastMoment = moment
    } catch {
      report("equity history: \(error)")
    }
    isWriting = false
  }

  private func pruneIfIdle() {
    guard !isPruning, pool.isReady else { return }
    isPruning = true
    let here = OnLoop(owner: self)
    Task.immediate(executorPreference: pool.loop) { await here.owner.prune() }
  }

  private func prune() async {
    do {
      try await Pruning.all(pool)
    } catch {
      report("pruning: \(error)")
    }
    isPruning = false
  }

  /// Read by tasks of the pool's loop alone, hence `@unchecked Sendable`.
  private struct OnLoop: @unchecked Sendable {
    let owner: Housekeeping
  }

  static func wallClock() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
  }
}
