// An upstream as a source of feed events: pushed as they come, not pulled.
//
// It belongs to the loop's thread. Messages go through the decoder of native tapes, so what is live and
// what is recorded give the same events. A position is the ordinal of the message in this run.
//
// **Staleness.** The upstream vouches by its own liveness: a frame or an answered ping. When the link
// ends every symbol that had a value becomes stale, and lives again with its next value. A stale marker
// of the upstream itself goes on as one.
//
// **Losses.** Trades and what becomes of them form a chain by symbol. An upstream that numbers them (a
// gateway of ours: E, N, P, Q) tells by the next one whether something is missing, across a reconnect
// too; of any other nobody can know what a reconnect lost, so the symbol's next trade is announced as
// following a loss.
public import EventLoops
public import Feeds
public import MarketData
public import WebTransport

public final class UpstreamFeed: UpstreamLinkDelegate {
  public let context: FeedContext
  public let link: UpstreamLink
  public var name: String { "\(link.configuration.url)" }

  /// An event, as it comes.
  public var onItem: ((FeedItem) -> Void)?
  /// Trades of a symbol may be missing before its next one. The position is unused by any event.
  public var onLoss: ((SymbolID, _ position: UInt64) -> Void)?
  /// The link is up, or down with a reason: for a log.
  public var onUp: (() -> Void)?
  public var onDown: ((_ reason: String, _ retryMilliseconds: UInt64) -> Void)?
  public var onNote: ((String) -> Void)?

  /// Losses announced.
  public private(set) var losses: UInt64 = 0
  /// The feed time of the last event.
  public private(set) var time: Timestamp?

  private let decoder: NativeDecoder
  private let wallNanoseconds: () -> Int64
  private var position: UInt64 = 0
  private var chains = EventChains()
  /// Symbols that had a value since the link came up: those that its end makes stale.
  private var isHeld: [Bool] = []

  /// Throws when the certificates cannot be used. `wallNanoseconds` is asked when a link is lost.
  public init(
    loop: EventLoop, configuration: UpstreamConfiguration, context: FeedContext,
    wallNanoseconds: @escaping () -> Int64 = { EventLoop.wallNanoseconds }
  ) throws(WebTransportError) {
    self.context = context
    self.wallNanoseconds = wallNanoseconds
    decoder = NativeDecoder(context: context)
    link = try UpstreamLink(loop: loop, configuration: configuration)
    link.delegate = self
  }

  public func start() { link.start() }

  /// `completion` runs when nothing is open on the loop.
  public func close(_ completion: @escaping () -> Void) { link.close(completion) }

  // MARK: - The link

  public func upstreamIsLive(_ link: UpstreamLink) { onUp?() }
  public func upstreamNote(_ link: UpstreamLink, _ text: String) { onNote?(text) }

  public func upstreamMessage(_ link: UpstreamLink, _ json: UnsafeRawBufferPointer) {
    position += 1
    context.counters.lines += 1
    guard let item = decoder.event(json, position: position, source: name) else { return }
    time = item.time
    let symbol = item.event.symbol
    if case .stale = item.event { hold(symbol, false) } else { hold(symbol, true) }
    if item.event.isInTradeChain, chains.next(symbol, json) == .missing {
      tellLoss(symbol)
      // The loss has a place of its own before this event's.
      position += 1
    }
    onItem?(FeedItem(position: position, time: item.time, event: item.event))
  }

  public func upstreamGap(_ link: UpstreamLink, symbol: String) {
    guard symbol != "*" else {
      for symbol in chains.loseAll() { tellLoss(symbol) }
      return
    }
    var symbol = symbol
    let found = symbol.withUTF8 { context.symbols.find(UnsafeRawBufferPointer($0)) }
    if let found, chains.lose(found) { tellLoss(found) }
  }

  public func upstreamDown(_ link: UpstreamLink, _ down: UpstreamDown) {
    defer { onDown?(down.reason, down.retryMilliseconds) }
    guard down.wasServing else { return }
    let since = Timestamp(
      nanoseconds: wallNanoseconds() - Int64(clamping: down.silenceMilliseconds) * 1_000_000)
    for index in isHeld.indices where isHeld[index] {
      isHeld[index] = false
      position += 1
      onItem?(
        FeedItem(
          position: position, time: since,
          event: .stale(SymbolID(index: UInt32(index)), since: since)))
    }
    // What was missed is in nobody's book.
    decoder.reset()
    for symbol in chains.loseUnnumbered() { tellLoss(symbol) }
  }

  private func tellLoss(_ symbol: SymbolID) {
    position += 1
    losses += 1
    onLoss?(symbol, position)
  }

  private func hold(_ symbol: SymbolID, _ holds: Bool) {
    while isHeld.count <= Int(symbol.index) { isHeld.append(false) }
    isHeld[Int(symbol.index)] = holds
  }
}
