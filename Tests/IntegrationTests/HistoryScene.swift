// A PostgreSQL with the schema, a durable Redis, and rows on their way from one to the other.
import Bars
import EventLoops
import Glibc
import History
import MarketData
import Portfolio
import PostgresClient
import RedisClient
import ServiceSupport
import TestSupport
import Testing

/// `@unchecked Sendable`: the test's task and the loop never use it at the same time.
final class HistoryScene: @unchecked Sendable {
  let postgres: TestSupport.PrivatePostgres
  let redis: TestSupport.PrivateRedis
  let symbols = SymbolTable()
  let codes = CodeTable()

  /// Both servers and the schema, without the demo's rows.
  init() async throws {
    postgres = try TestSupport.PrivatePostgres()
    redis = try TestSupport.PrivateRedis(
      arguments: ["--appendonly", "yes", "--appendfsync", "everysec"])
    let url = postgres.url
    try await withLoop("migrate") { loop in
      let pool = try await PostgresPool.ready(loop, url)
      defer { pool.close() }
      try await Migrator(pool: pool).run()
    }
  }

  func close() {
    postgres.close()
    redis.close()
  }

  /// Runs `body` on a loop of its own and ends the servers afterwards.
  static func with(
    _ body: @escaping @Sendable (EventLoop, HistoryScene) async throws -> Void
  ) async throws {
    let scene = try await HistoryScene()
    defer { scene.close() }
    try await withLoop("history") { loop in try await body(loop, scene) }
  }

  func configuration(_ consumer: String = "worker") throws -> HistoryWorker.Configuration {
    var configuration = HistoryWorker.Configuration(
      redis: try RedisURL(redis.url), postgres: try PostgresLocation(postgres.url))
    configuration.redisOptions.reconnectDelayMaxMilliseconds = 50
    configuration.consumer = consumer
    return configuration
  }

  func worker(
    _ loop: EventLoop, _ configuration: HistoryWorker.Configuration? = nil
  ) throws -> HistoryWorker {
    HistoryWorker(
      loop: loop, configuration: try configuration ?? self.configuration(),
      readiness: Readiness([HistoryWorker.checkName]),
      log: RateLimitedLog(ServiceScene.quiet, now: { loop.nowMilliseconds }))
  }

  // MARK: - Rows

  static let begin = Timestamp(parsing: "2026-11-20T15:00:00Z")!

  func bar(
    of symbol: String = "AAPL", minute: Int64 = 0, _ place: (UInt64, UInt64), close: Int64 = 10
  ) -> BuiltBar {
    let price = Decimal9(nanos: close * Decimal9.scale)
    let volume = WideDecimal9(Decimal9(nanos: 100 * Decimal9.scale))
    return BuiltBar(
      bar: Bar(
        symbol: try! symbols.intern(symbol),
        start: Timestamp(nanoseconds: HistoryScene.begin.nanoseconds + minute * 60_000_000_000),
        open: price, high: price, low: price, close: price, volume: volume, tradeCount: 2),
      kind: .minute, notional: ExactSum(price, times: volume)!,
      sequence: SequenceNumber(epoch: place.0, number: place.1))
  }

  func trade(_ symbol: String = "AAPL", at nanoseconds: Int64, price: Int64 = 10) -> Trade {
    var trade = Trade(
      symbol: try! symbols.intern(symbol),
      timestamp: Timestamp(nanoseconds: HistoryScene.begin.nanoseconds + nanoseconds),
      price: Decimal9(nanos: price * Decimal9.scale), size: Decimal9(nanos: 5 * Decimal9.scale),
      id: 7)
    trade.exchange = try! codes.intern("V")
    trade.conditions = try! codes.intern(#"["@","I"]"#)
    return trade
  }

  func pack(bars: [BuiltBar], feed: String = "main") -> [UInt8] {
    var packer = HistoryPacker(kind: .bars, feed: feed)
    for bar in bars { packer.add(bar) }
    let bytes = packer.take(symbols: symbols, codes: codes)
    return bytes!
  }

  func pack(trades: [(Trade, UInt64, UInt64)], feed: String = "main") -> [UInt8] {
    var packer = HistoryPacker(kind: .trades, feed: feed)
    for (trade, epoch, number) in trades {
      packer.add(trade, SequenceNumber(epoch: epoch, number: number))
    }
    let bytes = packer.take(symbols: symbols, codes: codes)
    return bytes!
  }

  // MARK: - The stream

  func add(
    _ loop: EventLoop, _ fields: [(name: String, value: [UInt8])]
  ) async throws {
    let connection = RedisConnection(loop: loop, url: try RedisURL(redis.url))
    connection.start()
    defer { connection.close() }
    try #require(await connection.waitUntilReady(milliseconds: 5_000))
    _ = try await connection.send(Redis.XAdd("history", fields))
  }

  /// Twelve entries of a bar and five trades each, of three minutes; 36 bars of 12 keys, the newest
  /// with close 32.
  func addMany(_ loop: EventLoop) async throws {
    for entry in 0..<12 {
      let number = UInt64(entry) * 100
      let bars = (0..<3).map { symbol in
        bar(
          of: "S\(symbol)", minute: Int64(entry % 4), (1, number + UInt64(symbol)),
          close: Int64(20 + entry))
      }
      let trades = (0..<5).map { index in
        (
          trade("S\(index)", at: Int64(entry) * 1_000_000_007), 1 as UInt64,
          number + 50 + UInt64(index)
        )
      }
      try await add(loop, [("b", pack(bars: bars)), ("t", pack(trades: trades))])
    }
  }

  /// Whether everything of `addMany` is there, once, and nothing is left of the stream.
  func hasAll() -> Bool {
    // Asked on the worker's thread, so it must not wait for the worker's locks.
    guard isStreamEmpty,
      let found = try? postgres.psql(
        """
        SET lock_timeout = '200ms';
        SELECT count(*) || ' ' || sum(close) || ' ' || min(number) || ' ' || (
          SELECT count(*) || ' ' || count(DISTINCT (symbol, epoch, number)) FROM history_trades)
        FROM history_bars
        """)
    else { return false }
    // Minutes 0 to 3 hold the closes of entries 8 to 11: 3 x (28 + 29 + 30 + 31).
    return found.hasSuffix("12 354 800 60 60")
  }

  var isStreamEmpty: Bool {
    redis.command("XLEN", "history") == ":0\r\n"
      && (redis.command("XPENDING", "history", "history") ?? "").hasPrefix("*4\r\n:0\r\n")
  }
}
