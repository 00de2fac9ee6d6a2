// One message of the stream's protocol, as JSON, to one event of a feed: what a native tape holds a
// line and an upstream sends in arrays. Trades, what became of them, quotes, order books, bars,
// statuses and stale markers are read; other kinds are counted and skipped. An order book with
// `"r":true` replaces the symbol's book, one without changes it; either yields the book's top.
//
// An event's time is its message's `"t"`, or the latest `"t"` before it if that is later: messages may
// be out of order, the play never is. `"E"`, `"N"` and `"P"` are ignored, so what a client received can
// be played again.
//
// It belongs to the thread that pulls, or that receives.

import MarketData

public final class NativeDecoder {
  public let context: FeedContext
  private(set) var message = NativeMessage()
  private var bids: [Level] = []
  private var asks: [Level] = []
  private var latest = Timestamp(nanoseconds: .min)
  private var books: [LevelBook] = []
  /// For each symbol of the table: 1 + the index of its book, 0 without.
  private var bookOfSymbol: [UInt32] = []

  public init(context: FeedContext) { self.context = context }

  /// The event of a message that came under `position`; nil for one that is not read. What is malformed
  /// is counted and reported to the context, with `source` and the position as its place.
  public func event(
    _ message: UnsafeRawBufferPointer, position: UInt64, source: @autoclosure () -> String
  ) -> FeedItem? {
    do throws(LineError) {
      return try item(message, position: position)
    } catch {
      context.counters.malformedLines += 1
      context.note(source: source(), line: position, reason: error.description)
      return nil
    }
  }

  /// Forgets books and times: the messages begin anew, or some were missed.
  public func reset() {
    latest = Timestamp(nanoseconds: .min)
    books.removeAll()
    bookOfSymbol.removeAll()
  }

  /// nil, and counted: a kind that is not read.
  func item(_ line: UnsafeRawBufferPointer, position: UInt64) throws(LineError) -> FeedItem? {
    message = try NativeMessage(line)
    if let item = try readItem(line, position) { return item }
    context.counters.skippedMessages += 1
    return nil
  }

  private func readItem(
    _ line: UnsafeRawBufferPointer, _ position: UInt64
  ) throws(LineError) -> FeedItem? {
    let event: FeedEvent
    let time: Timestamp
    switch message.kind {
    case .trade:
      let trade = try trade()
      (event, time) = (.trade(trade), trade.timestamp)
    case .quote:
      let quote = try quote()
      (event, time) = (.quote(quote), quote.timestamp)
    case .book:
      guard let depth = try depth() else { return nil }
      (event, time) = (.depth(depth), depth.timestamp)
    case .bar(let kind):
      let bar = try bar()
      // A minute is told at its end: a tape that a client recorded has it there.
      (event, time) = (.bar(bar, kind), max(latest, bar.start))
    case .status:
      let status = try status(line)
      (event, time) = (.status(status), status.timestamp)
    case .cancel:
      let cancel = try cancel()
      (event, time) = (.cancel(cancel), cancel.timestamp)
    case .correction:
      let correction = try correction(line)
      (event, time) = (.correction(correction), correction.timestamp)
    case .stale:
      let since = try timestamp(message.since, "since")
      (event, time) = (.stale(try symbol(), since: since), since)
    case .other, nil: return nil
    }
    if time < latest { context.counters.outOfOrder += 1 }
    latest = max(latest, time)
    context.counters.events += 1
    return FeedItem(position: position, time: latest, event: event)
  }

  private func trade() throws(LineError) -> Trade {
    let timestamp = try timestamp(message.time, "t")
    let price = try message.price.decimal("p")
    let size = try message.size.size("s")
    let id = try message.id.integer("i")
    var trade = Trade(
      symbol: try symbol(), timestamp: timestamp, price: price, size: size, id: id)
    trade.exchange = try code(message.exchange, "x")
    trade.conditions = try conditions(message.conditions, "c")
    trade.tape = try code(message.tape, "z")
    switch message.takerSide.text {
    case nil: break
    case .some("B"): trade.takerSide = .buy
    case .some("S"): trade.takerSide = .sell
    default: throw .invalid("tks")
    }
    return trade
  }

  private func quote() throws(LineError) -> Quote {
    let timestamp = try timestamp(message.time, "t")
    let bidPrice = try message.bidPrice.decimal("bp")
    let bidSize = try message.bidSize.size("bs")
    let askPrice = try message.askPrice.decimal("ap")
    let askSize = try message.askSize.size("as")
    var quote = Quote(
      symbol: try symbol(), timestamp: timestamp, bidPrice: bidPrice, bidSize: bidSize,
      askPrice: askPrice, askSize: askSize)
    quote.bidExchange = try code(message.bidExchange, "bx")
    quote.askExchange = try code(message.askExchange, "ax")
    quote.conditions = try conditions(message.conditions, "c")
    quote.tape = try code(message.tape, "z")
    return quote
  }

  /// nil when there are too many books.
  private func depth() throws(LineError) -> Depth? {
    let timestamp = try timestamp(message.time, "t")
    let isFull = try message.isFullBook.boolean("r")
    try message.readLevels(message.bids, "b", into: &bids)
    try message.readLevels(message.asks, "a", into: &asks)
    let symbol = try symbol()
    guard let index = book(of: symbol) else { return nil }
    let dropped = books[index].droppedLevels
    if isFull {
      books[index].replace(bids: bids, asks: asks)
    } else {
      books[index].apply(bids: bids, asks: asks)
    }
    context.counters.droppedLevels += books[index].droppedLevels - dropped
    return books[index].top(symbol: symbol, timestamp: timestamp)
  }

  private func book(of symbol: SymbolID) -> Int? {
    let index = Int(symbol.index)
    while bookOfSymbol.count <= index { bookOfSymbol.append(0) }
    if bookOfSymbol[index] == 0 {
      guard books.count < Limits.nativeBooksMax else { return nil }
      books.append(LevelBook(levelsMax: Limits.nativeLevelsMax))
      bookOfSymbol[index] = UInt32(books.count)
    }
    return Int(bookOfSymbol[index]) - 1
  }

  func timestamp(
    _ field: JSONField, _ name: StaticString
  ) throws(LineError) -> Timestamp {
    guard field.kind == .string else { throw field.fault(name) }
    guard let value = Timestamp(parsing: field.bytes) else { throw .invalid(name) }
    return value
  }

  func symbol() throws(LineError) -> SymbolID {
    guard let text = message.symbol else { throw .missing("S") }
    let result = text.withDecoded { bytes in
      Result { () throws(MarketDataError) in try context.symbols.intern(bytes) }
    }
    do throws(MarketDataError) {
      return try result.get()
    } catch {
      throw .symbol(error)
    }
  }

  func code(
    _ field: JSONField, _ name: StaticString
  ) throws(LineError) -> CodeID {
    if field.kind == .null { return .absent }
    guard let text = field.text else { throw .invalid(name) }
    return text.withDecoded { context.code($0) }
  }

  /// An array of strings, or one string; kept byte for byte.
  func conditions(_ field: JSONField, _ name: StaticString) throws(LineError) -> CodeID {
    switch field.kind {
    case .null: return .absent
    case .string:
      // With its quotes: the code is the JSON value itself.
      return context.code(
        UnsafeRawBufferPointer(start: field.bytes.baseAddress! - 1, count: field.bytes.count + 2))
    case .array:
      var reader = JSONReader(field.bytes)
      do {
        try reader.beginArray()
        while try reader.nextElement() { _ = try reader.string() }
      } catch {
        throw .invalid(name)
      }
      return context.code(field.bytes)
    default: throw .invalid(name)
    }
  }
}
