// Brings the stream `history` into Postgres: reads entries as one of the group of workers, writes them
// in one transaction, and only then acknowledges and deletes them. So every crash repeats something,
// and a repetition changes nothing: rows have keys and only move forward in (E, N).
//
//   own pending (a crash before)  ->  others' that were left alone  ->  new ones
//        XREADGROUP ... 0               XAUTOCLAIM                     XREADGROUP ... >
//                              COPY, merge, COMMIT
//                         XACK + XDEL in one script (atomic)
//
// While Postgres is away entries stay in the stream, whose bound is the ingester's affair. An entry
// that cannot be read, or that Postgres refuses for its content, is set aside with the reason.
//
// Belongs to its loop. One batch is in memory at a time.
import Bars
package import EventLoops
import Logging
package import PostgresClient
package import RedisClient
package import ServiceSupport

package final class HistoryWorker {
  package struct Configuration: Sendable {
    package var redis: RedisURL
    package var redisOptions = RedisOptions()
    package var postgres: PostgresLocation
    /// Stays the same over restarts, so that a worker finds what it had in hand. Two workers at a time
    /// should have two names.
    package var consumer = "worker"
    package var keepDays = HistoryLimits.keepDays
    package var claimIdleMilliseconds = HistoryLimits.claimIdleMilliseconds
    package var claimEveryMilliseconds = HistoryLimits.claimEveryMilliseconds

    package init(redis: RedisURL, postgres: PostgresLocation) {
      self.redis = redis
      self.postgres = postgres
    }
  }

  package struct Counters: Hashable, Sendable {
    package var entries: UInt64 = 0
    /// Rows that were new or moved forward.
    package var bars: UInt64 = 0
    package var trades: UInt64 = 0
    package var claimed: UInt64 = 0
    package var poisoned: UInt64 = 0
    /// Trades of a day that can have no partition.
    package var tradesLeftOut: UInt64 = 0
    package var failures: UInt64 = 0
  }

  /// Where a test stops a worker dead.
  package enum Step: CaseIterable, Sendable {
    case read, beforeCommit, committed, acknowledged
  }

  static let stream = "history"
  static let group = "history"
  package static let checkName = "history"

  package let loop: EventLoop
  package private(set) var counters = Counters()
  /// Throws in tests.
  package var reached: (Step) throws -> Void = { _ in }

  private let configuration: Configuration
  private let redis: RedisConnection
  private let pool: PostgresPool
  private let tables: HistoryTables
  private let log: RateLimitedLog
  private let readiness: Readiness
  private var daysWritten: Set<Int64> = []
  private var housekeepingAt: UInt64 = 0
  private var claimAt: UInt64 = 0
  private var claimFrom = "0-0"
  private var hasGroup = false
  private var isClosed = false
  private var run: Task<Void, Never>?

  package init(
    loop: EventLoop, configuration: Configuration, readiness: Readiness, log: RateLimitedLog
  ) {
    loop.preconditionInLoop()
    self.loop = loop
    self.configuration = configuration
    self.log = log
    self.readiness = readiness
    redis = RedisConnection(
      loop: loop, url: configuration.redis, options: configuration.redisOptions)
    var options = PostgresOptions()
    options.poolMax = 1
    options.statementMilliseconds = HistoryLimits.statementMilliseconds
    options.transactionIdleMilliseconds = HistoryLimits.statementMilliseconds
    options.applicationName = "tapedeck history"
    pool = PostgresPool(loop: loop, location: configuration.postgres, options: options)
    tables = HistoryTables(pool: pool)
  }

  /// Read by tasks of the worker's loop alone, hence `@unchecked Sendable`.
  private struct OnLoop: @unchecked Sendable {
    let worker: HistoryWorker
  }

  package func start() {
    loop.preconditionInLoop()
    redis.onReady = { [unowned self] in hasGroup = false }
    redis.onDown = { [unowned self] reason in
      if reason != .closed { note("no link to Redis: \(reason)") }
    }
    redis.onAttemptFailed = { [unowned self] in note("no link to Redis: \($0)") }
    pool.onDown = { [unowned self] in note("no link to PostgreSQL: \($0)") }
    redis.start()
    pool.start()
    let here = OnLoop(worker: self)
    run = Task.immediate(executorPreference: loop) { await here.worker.work() }
  }

  /// Ends it where it is; what it had in hand it finds again. Suspends until its task is over.
  package func close() async {
    loop.preconditionInLoop()
    isClosed = true
    run?.cancel()
    redis.close()
    pool.close()
    await run?.value
  }

  private func note(_ text: String) {
    readiness.fail(HistoryWorker.checkName, text)
    log.log(.warning, kind: "history", "history: \(text)")
  }

  // MARK: - The loop

  private func work() async {
    var delay = HistoryLimits.retryFirstMilliseconds
    // Nothing is wrong yet. A link that fails says so itself.
    _ = await redis.waitUntilReady(milliseconds: HistoryLimits.retryMaxMilliseconds)
    while !isClosed {
      do {
        try await turn(started: { delay = HistoryLimits.retryFirstMilliseconds })
      } catch {
        guard !isClosed else { return }
        counters.failures += 1
        note("\(error)")
        await loop.sleep(milliseconds: UInt64.random(in: delay / 2...delay))
        delay = min(delay * 2, HistoryLimits.retryMaxMilliseconds)
      }
    }
  }

  /// Works until something fails.
  private func turn(started: () -> Void) async throws {
    guard redis.isReady else { throw RedisError.notConnected }
    try await makeGroup()
    try await lookAfterPartitions()
    while try await handle(read(.own(after: "0"))) { started() }
    while !isClosed {
      if loop.nowMilliseconds >= housekeepingAt { try await lookAfterPartitions() }
      if loop.nowMilliseconds >= claimAt { try await claim() }
      try await handle(read(.new))
      readiness.pass(HistoryWorker.checkName)
      started()
    }
  }

  private func makeGroup() async throws {
    guard !hasGroup else { return }
    do {
      try await redis.send(
        Redis.XGroupCreate(HistoryWorker.stream, group: HistoryWorker.group))
    } catch .server(let error) where error.kind == "BUSYGROUP" {}
    hasGroup = true
  }

  private func read(_ from: Redis.XReadGroup.From) async throws -> [Redis.StreamEntry] {
    do {
      return try await redis.send(
        Redis.XReadGroup(
          HistoryWorker.stream, group: HistoryWorker.group, consumer: configuration.consumer,
          from: from, count: HistoryLimits.batchEntries,
          blockMilliseconds: from == .new ? HistoryLimits.readMilliseconds : 0))
    } catch .server(let error) where error.kind == "NOGROUP" {
      // Redis forgot the group: it came back without its last second, or somebody deleted the key.
      hasGroup = false
      throw RedisError.server(error)
    }
  }

  /// What other workers were given and left alone.
  private func claim() async throws {
    let claimed = try await redis.send(
      Redis.XAutoClaim(
        HistoryWorker.stream, group: HistoryWorker.group, consumer: configuration.consumer,
        idleMilliseconds: configuration.claimIdleMilliseconds, start: claimFrom,
        count: HistoryLimits.batchEntries))
    counters.claimed += UInt64(claimed.entries.count)
    try await handle(claimed.entries)
    claimFrom = claimed.next
    if claimFrom == "0-0" {
      claimAt = loop.nowMilliseconds + configuration.claimEveryMilliseconds
    }
  }

  private func lookAfterPartitions() async throws {
    let today = EventLoop.wallNanoseconds / 86_400_000_000_000
    let dropped = try await tables.lookAfter(
      today: today, written: daysWritten, keepDays: configuration.keepDays)
    daysWritten.removeAll()
    if dropped > 0 { log.log(.info, kind: "dropped", "history: \(dropped) days of trades dropped") }
    housekeepingAt = loop.nowMilliseconds + HistoryLimits.housekeepingMilliseconds
  }

  // MARK: - A batch

  /// Writes and acknowledges the entries. False when there were none.
  @discardableResult
  private func handle(_ entries: [Redis.StreamEntry]) async throws -> Bool {
    guard !entries.isEmpty else { return false }
    try reached(.read)
    var good: [HistoryEntry] = []
    for entry in entries {
      do throws(HistoryPackError) {
        good.append(try HistoryEntry(entry))
      } catch {
        try await setAside(entry, "\(error)")
      }
    }
    do {
      try await write(good)
    } catch let error as PostgresError where HistoryWorker.isContent(error) {
      // One of them is refused for what it holds: find which.
      for entry in good {
        do {
          try await write([entry])
        } catch let error as PostgresError where HistoryWorker.isContent(error) {
          guard let source = entries.first(where: { $0.id == entry.id }) else { continue }
          try await setAside(source, "\(error.server?.message ?? error.description)")
        }
      }
    }
    try reached(.committed)
    try await acknowledge(entries.map(\.id))
    counters.entries += UInt64(entries.count)
    try reached(.acknowledged)
    return true
  }

  private func write(_ entries: [HistoryEntry]) async throws {
    let written = try await tables.write(entries) { try reached(.beforeCommit) }
    counters.bars += UInt64(written.bars)
    counters.trades += UInt64(written.trades)
    if written.tradesLeftOut > 0 {
      counters.tradesLeftOut += UInt64(written.tradesLeftOut)
      log.log(
        .warning, kind: "left out",
        "history: \(written.tradesLeftOut) trades of days that can have no partition")
    }
    daysWritten.formUnion(HistoryBatch.days(entries))
  }

  /// Data exceptions and constraints: the same content will never do.
  private static func isContent(_ error: PostgresError) -> Bool {
    if error.code == .parameter { return true }
    guard let state = error.sqlState else { return false }
    return state.hasPrefix("22") || state.hasPrefix("23")
  }

  private func setAside(_ entry: Redis.StreamEntry, _ reason: String) async throws {
    counters.poisoned += 1
    log.log(.error, kind: "poison", "history: entry \(entry.id) is set aside: \(reason)")
    let content = entry.fields?.flatMap { $0.name + [UInt8(ascii: "=")] + $0.value } ?? []
    try await tables.setAside(entry.id, reason: reason, content: content)
  }

  private static let acknowledgeScript = """
    redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, 2))
    return redis.call('XDEL', KEYS[1], unpack(ARGV, 2))
    """

  /// Both or neither: an entry that is acknowledged and still there would stay for ever.
  private func acknowledge(_ ids: [String]) async throws {
    _ = try await redis.eval(
      HistoryWorker.acknowledgeScript, keys: [Array(HistoryWorker.stream.utf8)],
      arguments: [Array(HistoryWorker.group.utf8)] + ids.map { Array($0.utf8) })
  }

  // MARK: - Account

  package func collect(into samples: inout MetricSamples) {
    func counter(_ name: String, _ help: String, _ value: UInt64) {
      samples.counter("tapedeck_history_\(name)_total", help: help, value)
    }
    counter("entries", "Entries of the stream written and deleted.", counters.entries)
    counter("bars", "Bars written that were new or moved forward.", counters.bars)
    counter("trades", "Trades written that were new.", counters.trades)
    counter("claimed", "Entries taken over from other workers.", counters.claimed)
    counter("poisoned", "Entries set aside.", counters.poisoned)
    counter("trades_left_out", "Trades of impossible days.", counters.tradesLeftOut)
    counter("failures", "Turns that failed and were begun again.", counters.failures)
  }
}
