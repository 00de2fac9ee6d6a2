// A recording of Binance's WebSocket streams, spot or USD-margined futures, plain or gzip: trades,
// bookTickers as quotes, and the book's top after each difference that was applied.
//
// A line's position is its ordinal, its time the local receive time (or the latest before it). The
// events carry the exchange's own times; a spot bookTicker has none and takes the latest that its
// recording showed. The two clocks may be apart by seconds. A hole in a book's numbering makes the
// symbol stale until a snapshot repairs it.

import MarketData

public final class BinanceRecording: FeedSource {
  public let context: FeedContext
  public var name: String { lines.path }
  private let lines: LineReader
  private var symbols = BinanceSymbols()
  private var message = BinanceMessage()
  private var books: [(symbol: SymbolID, book: BinanceBook)] = []
  /// A snapshot that came before any symbol was known: the first one's.
  private var early: (id: Int64, timestamp: Timestamp, bids: [Level], asks: [Level])?
  private var latest = Timestamp(nanoseconds: 0)
  private var exchangeTime: Timestamp?

  public init(path: String, context: FeedContext) throws(FeedsError) {
    self.context = context
    lines = try LineReader(path: path, context: context)
  }

  public func next() throws(FeedsError) -> FeedItem? {
    while let line = try lines.next() {
      guard !line.isEmpty else { continue }
      do throws(LineError) {
        try message.read(line)
        if let event = try event() {
          if message.received < latest { context.counters.outOfOrder += 1 }
          latest = max(latest, message.received)
          context.counters.events += 1
          return FeedItem(position: lines.lineNumber, time: latest, event: event)
        }
      } catch {
        lines.noteMalformed(error.description)
      }
    }
    return nil
  }

  public func rewind() throws(FeedsError) {
    try lines.rewind()
    books.removeAll()
    early = nil
    latest = Timestamp(nanoseconds: 0)
    exchangeTime = nil
  }

  private func event() throws(LineError) -> FeedEvent? {
    switch message.kind {
    case .trade: return .trade(try trade())
    case .bookTicker: return .quote(try quote())
    case .difference: return try difference()
    case .snapshot: return try snapshot()
    case .other:
      context.counters.skippedMessages += 1
      return nil
    }
  }

  private func trade() throws(LineError) -> Trade {
    let eventTime = try BinanceMessage.time(message.fields.eventTime, "E")
    let tradeTime = try BinanceMessage.time(message.fields.transactionTime, "T")
    guard let timestamp = tradeTime ?? eventTime else { throw .missing("T") }
    let price = try message.fields.price.quotedDecimal("p")
    let size = try message.fields.quantity.quotedDecimal("q")
    let id = try message.fields.tradeID.integer("t")
    guard message.fields.buyerIsMaker.kind == .boolean else {
      throw message.fields.buyerIsMaker.fault("m")
    }
    let buyerIsMaker = try message.fields.buyerIsMaker.boolean("m")
    var trade = Trade(
      symbol: try symbol(), timestamp: timestamp, price: price, size: size, id: id)
    trade.takerSide = buyerIsMaker ? .sell : .buy
    sawExchangeTime(eventTime ?? timestamp)
    return trade
  }

  private func quote() throws(LineError) -> Quote {
    let eventTime = try BinanceMessage.time(message.fields.eventTime, "E")
    let own = try BinanceMessage.time(message.fields.transactionTime, "T") ?? eventTime
    let bidPrice = try message.fields.b.quotedDecimal("b")
    let bidSize = try message.fields.upperB.quotedDecimal("B")
    let askPrice = try message.fields.a.quotedDecimal("a")
    let askSize = try message.fields.upperA.quotedDecimal("A")
    let symbol = try symbol()
    if let own { sawExchangeTime(own) }
    return Quote(
      symbol: symbol, timestamp: own ?? exchangeTime ?? message.received,
      bidPrice: bidPrice, bidSize: bidSize, askPrice: askPrice, askSize: askSize)
  }

  private func difference() throws(LineError) -> FeedEvent? {
    guard let firstID = try message.fields.firstID.integer("U") else { throw .missing("U") }
    guard let lastID = try message.fields.lastID.integer("u") else { throw .missing("u") }
    let previousID = try message.fields.previousID.integer("pu")
    guard firstID > 0, lastID >= firstID, previousID ?? 0 >= 0 else { throw .invalid("u") }
    guard let timestamp = try BinanceMessage.time(message.fields.eventTime, "E") else {
      throw .missing("E")
    }
    try message.bids.changes.check("b")
    try message.asks.changes.check("a")
    let symbol = try symbol()
    sawExchangeTime(timestamp)
    guard let index = book(of: symbol) else {
      context.counters.skippedMessages += 1
      return nil
    }
    let difference = BinanceDifference(
      firstID: firstID, lastID: lastID, previousID: previousID, timestamp: timestamp)
    return change(index) {
      $0.apply(difference, bids: message.bids.levels, asks: message.asks.levels)
    }
  }

  private func snapshot() throws(LineError) -> FeedEvent? {
    guard let id = try message.fields.snapshotID.integer("lastUpdateId"), id > 0 else {
      throw .invalid("lastUpdateId")
    }
    try message.bids.whole.check("bids")
    try message.asks.whole.check("asks")
    let timestamp =
      try BinanceMessage.time(message.fields.eventTime, "E") ?? exchangeTime ?? message.received
    guard !books.isEmpty else {
      early = (id, timestamp, message.bids.levels, message.asks.levels)
      return nil
    }
    guard let index = bookForSnapshot(id) else {
      throw .other("no symbol awaits a snapshot of this id")
    }
    return change(index) { book in
      let outcome = book.take(
        snapshotID: id, timestamp: timestamp, bids: message.bids.levels, asks: message.asks.levels)
      guard outcome == .applied else { return outcome }
      while book.applyNextWaiting() != nil {}
      return book.isWhole ? .applied : .waiting
    }
  }

  /// A snapshot does not name its symbol: it is the one whose waiting differences it fits, or the
  /// only one there is.
  private func bookForSnapshot(_ id: Int64) -> Int? {
    books.firstIndex { $0.book.mayTake(snapshotID: id) } ?? (books.count == 1 ? 0 : nil)
  }

  private func change(
    _ index: Int, _ body: (inout BinanceBook) -> BinanceBook.Outcome
  ) -> FeedEvent? {
    let symbol = books[index].symbol
    let droppedLevels = books[index].book.levels.droppedLevels
    let droppedDifferences = books[index].book.droppedDifferences
    let since = books[index].book.timestamp
    let outcome = body(&books[index].book)
    let book = books[index].book
    context.counters.droppedLevels += book.levels.droppedLevels - droppedLevels
    context.counters.droppedDifferences += book.droppedDifferences - droppedDifferences
    switch outcome {
    case .applied:
      return .depth(
        book.levels.top(symbol: symbol, timestamp: book.timestamp ?? message.received))
    case .waiting: return nil
    case .repeated:
      context.counters.repeats += 1
      return nil
    case .gap:
      context.counters.gaps += 1
      context.note(
        source: lines.path, line: lines.lineNumber,
        reason: "a hole in the numbering of \(context.symbols.name(of: symbol))'s book")
      return .stale(symbol, since: since ?? message.received)
    }
  }

  private func book(of symbol: SymbolID) -> Int? {
    if let index = books.firstIndex(where: { $0.symbol == symbol }) { return index }
    guard books.count < Limits.binanceBooksMax else { return nil }
    books.append((symbol, BinanceBook()))
    if let early {
      _ = books[0].book.take(
        snapshotID: early.id, timestamp: early.timestamp, bids: early.bids, asks: early.asks)
      self.early = nil
    }
    return books.count - 1
  }

  private func symbol() throws(LineError) -> SymbolID {
    guard let text = message.fields.symbol.text, !text.hasEscapes else {
      throw message.fields.symbol.fault("s")
    }
    do throws(MarketDataError) {
      return try symbols.intern(text.raw, in: context.symbols)
    } catch {
      throw .symbol(error)
    }
  }

  private func sawExchangeTime(_ time: Timestamp) {
    exchangeTime = max(exchangeTime ?? time, time)
  }
}
