// Writes what must be kept (closed bars, every trade) behind the feed's back: packed into the stream
// `history` of the durable Redis, from where a worker brings it to Postgres.
//
// One XADD a flush. An entry is held until Redis has answered for it, and sent again by the next link
// when it did not: an entry that is there twice does no harm, its rows have keys. What is bounded:
//
// - The stream, by `bytesMax` of Redis' memory: over it trades are left out and counted, bars go in.
//   So it covers an absence of Postgres of bytesMax / (rate x 30 bytes): 256 MiB are 30 minutes of
//   5,000 trades/s.
// - What waits here while Redis is away or full: 16 MiB of trades (then they are left out), and 64 MiB
//   of bars, which are 80 minutes of 12,000 symbols; only beyond that the oldest are lost, and counted.
//
// It belongs to the ingest loop's thread. It never makes the feed wait, unless the feed runs at full
// speed and asks `isBehind`.
package import Bars
package import EventLoops
package import MarketData
package import RedisClient

package final class HistoryWriter {
  package struct Configuration: Sendable {
    package var redis: RedisURL
    package var redisOptions = RedisOptions()
    /// Under which feed the rows are kept. A replay is never kept as the real one.
    package var feed: String
    /// Memory of the stream above which no trades are added.
    package var bytesMax: Int64 = IngestLimits.historyBytesMax
    /// Packed trades that wait here while Redis is away or full.
    package var tradeBytesMax = IngestLimits.historyTradeBytesMax

    package init(redis: RedisURL, feed: String) {
      self.redis = redis
      self.feed = feed
    }

    /// The feed of everything that is not happening now.
    package static let replayFeed = "replay"
  }

  package struct Counters: Hashable, Sendable {
    /// Rows and entries that Redis has.
    package var bars: UInt64 = 0
    package var trades: UInt64 = 0
    package var entries: UInt64 = 0
    /// Trades left out because the stream or the queue before it was full.
    package var tradesDropped: UInt64 = 0
    /// Bars lost because Redis was away for too long.
    package var barsLost: UInt64 = 0
    /// Entries that Redis refused; they are tried again.
    package var refusals: UInt64 = 0
  }

  /// What one XADD takes.
  struct Entry {
    var bars: [UInt8]?
    var trades: [UInt8]?
    var barRows = 0
    var tradeRows = 0

    var barBytes: Int { bars?.count ?? 0 }
    var tradeBytes: Int { trades?.count ?? 0 }
  }

  package static let stream = "history"
  package private(set) var counters = Counters()
  /// Of the stream, as last seen and with what was added since.
  package private(set) var streamBytes: Int64 = 0
  package var onProblem: ((String) -> Void)?

  private let loop: EventLoop
  private let configuration: Configuration
  private let redis: RedisConnection
  private let symbols: SymbolTable
  private let codes: CodeTable
  private var bars: HistoryPacker
  private var trades: HistoryPacker
  private var waiting: [Entry] = []
  private var barBytesWaiting = 0
  private var tradeBytesWaiting = 0
  private var unanswered = 0
  /// Redis refuses everything until then.
  private var refusedUntil: UInt64 = 0
  private var sizeTimer: LoopTimer?
  private var isClosed = false

  package init(
    loop: EventLoop, configuration: Configuration, symbols: SymbolTable, codes: CodeTable
  ) {
    self.loop = loop
    self.configuration = configuration
    self.symbols = symbols
    self.codes = codes
    redis = RedisConnection(
      loop: loop, url: configuration.redis, options: configuration.redisOptions)
    bars = HistoryPacker(kind: .bars, feed: configuration.feed)
    trades = HistoryPacker(kind: .trades, feed: configuration.feed)
  }

  package func start() {
    redis.onReady = { [unowned self] in
      refusedUntil = 0
      measure()
      flush()
    }
    redis.onDown = { [unowned self] reason in
      if reason != .closed { onProblem?("no link to the Redis of history: \(reason)") }
    }
    redis.onAttemptFailed = { [unowned self] in
      onProblem?("no link to the Redis of history: \($0)")
    }
    redis.start()
    sizeTimer = LoopTimer(loop: loop) { [unowned self] in measure() }
    sizeTimer?.start(
      afterMilliseconds: IngestLimits.historySizeMilliseconds,
      repeatingMilliseconds: IngestLimits.historySizeMilliseconds)
  }

  /// What waits here is lost; see `isEmpty`.
  package func close() {
    guard !isClosed else { return }
    isClosed = true
    sizeTimer?.close()
    redis.close()
  }

  // MARK: - Rows

  package func add(_ trade: Trade, sequence: SequenceNumber) {
    trades.add(trade, sequence)
    if trades.byteCount >= BarsLimits.packBytesFull { flush() }
  }

  /// A closed or updated minute.
  package func add(_ bar: BuiltBar) {
    bars.add(bar)
    if bars.byteCount >= BarsLimits.packBytesFull { flush() }
  }

  /// Everything has been given to Redis, and Redis has answered.
  package var isEmpty: Bool {
    unanswered == 0 && waiting.isEmpty && bars.rowCount == 0 && trades.rowCount == 0
  }

  /// Redis takes entries, but not as fast as they come.
  package var isBehind: Bool {
    redis.isReady && barBytesWaiting + tradeBytesWaiting >= IngestLimits.historyAheadBytes
  }

  private var canSend: Bool {
    redis.isReady && unanswered < IngestLimits.historyUnansweredMax
      && redis.outputBytes < RedisLimits.outputBytesMax / 2 && loop.nowMilliseconds >= refusedUntil
  }

  private var isFull: Bool { streamBytes >= configuration.bytesMax }

  /// Sends what waits and what came since the last flush, as far as Redis takes it.
  package func flush() {
    guard !isClosed else { return }
    while !waiting.isEmpty, canSend { send(takeFirst()) }
    let hasFull =
      bars.byteCount >= BarsLimits.packBytesFull || trades.byteCount >= BarsLimits.packBytesFull
    let sendsNow = waiting.isEmpty && canSend
    guard sendsNow || hasFull, let entry = pack() else { return }
    if sendsNow { send(entry) } else { wait(entry) }
  }

  private func pack() -> Entry? {
    guard bars.rowCount + trades.rowCount > 0 else { return nil }
    var entry = Entry(barRows: bars.rowCount, tradeRows: trades.rowCount)
    entry.bars = bars.take(symbols: symbols, codes: codes)
    entry.trades = trades.take(symbols: symbols, codes: codes)
    return entry
  }

  // MARK: - The queue

  private func takeFirst() -> Entry {
    let entry = waiting.removeFirst()
    barBytesWaiting -= entry.barBytes
    tradeBytesWaiting -= entry.tradeBytes
    return entry
  }

  private func wait(_ entry: Entry) {
    var entry = entry
    if tradeBytesWaiting + entry.tradeBytes > configuration.tradeBytesMax {
      leaveOutTrades(&entry)
    }
    guard entry.bars != nil || entry.trades != nil else { return }
    waiting.append(entry)
    barBytesWaiting += entry.barBytes
    tradeBytesWaiting += entry.tradeBytes
    while barBytesWaiting > IngestLimits.historyBarBytesMax {
      let lost = takeFirst()
      counters.barsLost += UInt64(lost.barRows)
      counters.tradesDropped += UInt64(lost.tradeRows)
      onProblem?("\(lost.barRows) bars are lost: the Redis of history is away for too long")
    }
  }

  private func leaveOutTrades(_ entry: inout Entry) {
    counters.tradesDropped += UInt64(entry.tradeRows)
    entry.trades = nil
    entry.tradeRows = 0
  }

  // MARK: - Redis

  private func send(_ entry: Entry) {
    var entry = entry
    if isFull, entry.trades != nil {
      leaveOutTrades(&entry)
      onProblem?("the stream of history is full: trades are left out")
    }
    var fields: [(name: String, value: [UInt8])] = []
    if let bars = entry.bars { fields.append(("b", bars)) }
    if let trades = entry.trades { fields.append(("t", trades)) }
    guard !fields.isEmpty else { return }
    unanswered += 1
    streamBytes += Int64(entry.barBytes + entry.tradeBytes)
    redis.send(Redis.XAdd(HistoryWriter.stream, fields)) { [weak self] result in
      self?.answered(entry, result)
    }
  }

  private func answered(_ entry: Entry, _ result: Result<String, RedisError>) {
    unanswered -= 1
    switch result {
    case .success:
      counters.entries += 1
      counters.bars += UInt64(entry.barRows)
      counters.trades += UInt64(entry.tradeRows)
    case .failure(let error):
      streamBytes -= Int64(entry.barBytes + entry.tradeBytes)
      guard !isClosed else { return }
      if case .server = error {
        counters.refusals += 1
        refusedUntil = loop.nowMilliseconds + IngestLimits.historyRefusedMilliseconds
        onProblem?("the Redis of history refused an entry: \(error)")
      }
      wait(entry)
    }
  }

  private func measure() {
    guard redis.isReady else { return }
    let before = streamBytes
    redis.send(Redis.MemoryUsage(HistoryWriter.stream)) { [weak self] result in
      guard let self, case .success(let bytes) = result else { return }
      // What was added while the question was under way may be counted twice, for half a second.
      streamBytes = bytes + max(0, streamBytes - before)
    }
  }
}
