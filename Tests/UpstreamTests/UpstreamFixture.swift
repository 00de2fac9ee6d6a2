import EventLoops
import Feeds
import MarketData
import TestSupport
import Testing
import WebTransport

@testable import Upstream

/// A feed on a loop of its own, against a server that the test scripts. `@unchecked Sendable`: the log
/// is behind a lock, the feed is touched on the loop only.
final class UpstreamFixture: @unchecked Sendable {
  struct Log {
    /// `t AAPL 1`, `stale AAPL`, `loss AAPL`, with positions behind an `@`.
    var events: [String] = []
    var positions: [UInt64] = []
    var ups = 0
    var downs: [String] = []
    var waits: [UInt64] = []
    var notes: [String] = []
  }

  let listener: RawListener
  let loop: EventLoop
  private var feed: UpstreamFeed!
  private let log = Locked(Log())

  var now: Log { log.withLock { $0 } }

  init(
    symbols: String = "AAPL,MSFT",
    _ configure: @escaping @Sendable (inout UpstreamConfiguration) -> Void = { _ in }
  ) async throws {
    listener = try RawListener()
    loop = try EventLoop.start(name: "upstream-test")
    let port = listener.port
    try await loop.run { [self] in
      var configuration = UpstreamConfiguration(
        url: try WebSocketURL("ws://127.0.0.1:\(port)/v2/iex"),
        subscription: try UpstreamSubscription(symbols: symbols, channels: "trades,quotes"))
      configuration.reconnect = (1, 1)
      // A test's task may wait long for a thread while other suites block theirs: no deadline shall
      // end what the test has not come to yet. Tests of deadlines set their own.
      configuration.stepMilliseconds = 120_000
      configuration.client.handshakeMilliseconds = 120_000
      configuration.client.silenceMaxMilliseconds = 120_000
      configuration.refusedMilliseconds = 77_777...77_777
      configure(&configuration)
      feed = try UpstreamFeed(
        loop: loop, configuration: configuration, context: FeedContext(),
        wallNanoseconds: { 1_000_000_000 })
      feed.onItem = { [unowned self] item in
        add(UpstreamFixture.text(item.event, feed.context), item.position)
      }
      feed.onLoss = { [unowned self] symbol, position in
        add("loss \(feed.context.symbols.name(of: symbol))", position)
      }
      feed.onUp = { [unowned self] in log.withLock { $0.ups += 1 } }
      feed.onDown = { [unowned self] reason, wait in
        log.withLock {
          $0.downs.append(reason)
          $0.waits.append(wait)
        }
      }
      feed.onNote = { [unowned self] text in log.withLock { $0.notes.append(text) } }
      feed.start()
    }
  }

  private func add(_ text: String, _ position: UInt64) {
    log.withLock {
      $0.events.append(text)
      $0.positions.append(position)
    }
  }

  private static func text(_ event: FeedEvent, _ context: FeedContext) -> String {
    let name = context.symbols.name(of: event.symbol)
    return switch event {
    case .trade(let trade): "t \(name) \(trade.size.nanos / Decimal9.scale)"
    case .quote: "q \(name)"
    case .stale: "stale \(name)"
    default: "other \(name)"
    }
  }

  func until(
    milliseconds: Int32 = 5_000, _ condition: (Log) -> Bool
  ) async throws -> Bool {
    try await TestSupport.until(milliseconds: milliseconds) { condition(now) }
  }

  func counters() async throws -> UpstreamLink.Counters {
    try await loop.run { [self] in feed.link.counters }
  }

  func end() async {
    await withCheckedContinuation { continuation in
      loop.submit { [self] in feed.close { continuation.resume() } }
    }
    feed = nil
    loop.stop()
    loop.join()
  }
}

func withUpstream(
  symbols: String = "AAPL,MSFT",
  _ configure: @escaping @Sendable (inout UpstreamConfiguration) -> Void = { _ in },
  _ body: (UpstreamFixture) async throws -> Void
) async throws {
  let fixture = try await UpstreamFixture(symbols: symbols, configure)
  do {
    try await body(fixture)
  } catch {
    await fixture.end()
    throw error
  }
  await fixture.end()
}

extension RawSocket {
  func say(_ text: String) { sendFrame(1, Array(text.utf8), isMasked: false) }

  /// The next text of the client; pings are answered by the way.
  func hear() -> String? {
    while let frame = readMaskedFrame() {
      if frame.opcode == 9 { sendFrame(10, frame.payload, isMasked: false) }
      if frame.opcode == 1 { return frame.text }
      if frame.opcode == 8 { return nil }
    }
    return nil
  }

  /// The server's side of a conversation without credentials, up to the acknowledgement.
  func serve() throws {
    say("[{\"T\":\"success\",\"msg\":\"connected\"}]")
    let asked = try #require(hear())
    #expect(asked.hasPrefix("{\"action\":\"subscribe\""))
    say("[{\"T\":\"subscription\",\"trades\":[\"AAPL\",\"MSFT\"],\"quotes\":[]}]")
  }

  /// As `serve`, for a client that may have gone already.
  func serveIfAsked() -> Bool {
    say("[{\"T\":\"success\",\"msg\":\"connected\"}]")
    guard hear() != nil else { return false }
    say("[{\"T\":\"subscription\",\"trades\":[\"AAPL\",\"MSFT\"],\"quotes\":[]}]")
    return true
  }

  func trade(_ symbol: String, _ size: Int, _ numbers: String = "") {
    say(
      "[{\(numbers)\"T\":\"t\",\"S\":\"\(symbol)\",\"t\":\"2026-11-21T06:23:00Z\",\"p\":1.5,\"s\":\(size)}]"
    )
  }
}
