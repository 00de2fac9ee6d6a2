// Records what an ingester publishes in Redis: the market channels of the feed's symbols, as a gateway
// would subscribe to them, without a gateway between.
//
// It belongs to the loop's thread. New symbols are found by the feed's list. A lost link makes every
// symbol stale on the tape; trades that were missed are seen by their numbers.
package import EventLoops
import Feeds
package import MarketData
package import RedisClient

package final class RedisRecorder: RedisSubscriberDelegate {
  package struct Configuration: Sendable {
    package var redis: RedisURL
    package var feed: String
    /// `["*"]` is all that the feed has.
    package var symbols: [String]
    package var keys: [MarketKey]

    package init(redis: RedisURL, feed: String, symbols: [String], keys: [MarketKey]) {
      self.redis = redis
      self.feed = feed
      self.symbols = symbols
      self.keys = keys
    }
  }

  package var onUp: (() -> Void)?
  package var onDown: ((String) -> Void)?
  private let loop: EventLoop
  private let configuration: Configuration
  private let session: RecordingSession
  private let connection: RedisConnection
  private var subscriber: RedisSubscriber?
  private var timer: LoopTimer?
  /// Symbols whose channels are subscribed to.
  private let symbols = SymbolTable()
  private var key = ByteWriter(capacity: 64)
  private var isAsking = false
  private var isClosed = false

  package init(loop: EventLoop, configuration: Configuration, session: RecordingSession) {
    self.loop = loop
    self.configuration = configuration
    self.session = session
    connection = RedisConnection(loop: loop, url: configuration.redis)
  }

  package func start() {
    let subscriber = RedisSubscriber(loop: loop, url: configuration.redis, delegate: self)
    self.subscriber = subscriber
    subscriber.start()
    for name in configuration.symbols where name != "*" { subscribe(name) }
    guard configuration.symbols.contains("*") else { return }
    connection.onReady = { [unowned self] in askForSymbols() }
    connection.start()
    let timer = LoopTimer(loop: loop) { [unowned self] in askForSymbols() }
    timer.start(
      afterMilliseconds: RecordingLimits.symbolListMilliseconds,
      repeatingMilliseconds: RecordingLimits.symbolListMilliseconds)
    self.timer = timer
  }

  package func close() {
    guard !isClosed else { return }
    isClosed = true
    timer?.close()
    connection.close()
    subscriber?.close()
    subscriber = nil
  }

  private func askForSymbols() {
    guard !isClosed, !isAsking, connection.isReady else { return }
    isAsking = true
    let name = Array(FeedKey.symbols.name(feed: configuration.feed).utf8)
    connection.get(key: name.span.bytes) { [weak self] result in
      guard let self, !isClosed else { return }
      isAsking = false
      guard case .success(let reply) = result else { return }
      let list = reply.withBytes { bytes in
        bytes.withUnsafeBytes { try? FeedSymbolList(parsing: $0) }
      }
      for name in list?.symbols ?? [] { subscribe(name) }
    }
  }

  /// Nothing for a symbol that is there already.
  private func subscribe(_ name: String) {
    var name = name
    let count = symbols.count
    let id = name.withUTF8 { try? symbols.intern(UnsafeRawBufferPointer($0)) }
    guard let id, symbols.count > count else { return }
    for (place, marketKey) in configuration.keys.enumerated() {
      key.removeAll()
      symbols.withBytes(of: id) { marketKey.append(symbol: $0, to: &key) }
      let token = id.index * UInt32(MarketKey.allCases.count) + UInt32(place)
      key.withBytes { _ = subscriber?.subscribe($0, token: token) }
    }
  }

  // MARK: - The link

  package func redisLinkUp() {
    session.isLive = true
    onUp?()
  }

  package func redisLinkDown(_ reason: RedisLinkDown) {
    guard !isClosed else { return }
    session.isLive = false
    session.markStale(since: Timestamp(nanoseconds: EventLoop.wallNanoseconds))
    onDown?("\(reason)")
  }

  package func redisAttemptFailed(_ reason: RedisLinkDown) {
    guard !isClosed else { return }
    onDown?("\(reason)")
  }

  package func redisMessage(_ token: UInt32, _ payload: RawSpan) {
    payload.withUnsafeBytes { session.record($0) }
  }

  package func redisSubscribed(_ token: UInt32) {}
  // A cluster is not served yet; a channel that is refused is asked for again by the subscriber.
  package func redisRefused(_ token: UInt32, _ error: RedisServerError) {
    onDown?("a channel is refused: \(error)")
  }
  package func redisRevoked(_ token: UInt32) {}
}
