// A NASDAQ TotalView-ITCH 5.0 file as a feed: the book of every stock order by order, its trades,
// and its halts.
//
// A message's number is its position. What it makes of the market comes in this order, under the one
// position: the trade, the quote if the touch changed, the depth if one of its ten levels did.
// - A F add, E C execute, X cancel a part, D delete, U replace: the book. E and printable C are
//   trades at the order's or the message's price; a C that is not printable is part of a cross that
//   is told as a whole.
// - P (against an order that is not displayed) and Q (a cross) are trades and touch no book. A cross
//   of no shares is none.
// - B breaks a trade: a cancellation with its price and size, if it is among `recentTradesMax`.
// - H halts and resumes: a status. R names a stock; so does its first order where R was missed.
// - S and all others yield nothing.
//
// Times are counted from midnight in New York of the file's day: told, or read from its name, or
// 1970-01-01. What is impossible (an unknown order, more shares than there are) is counted, reported
// with its byte offset, and leaves the books as they are or, of shares, takes what is there.

import MarketData
import OrderBooks

public final class ITCHFeed: FeedSource {
  public let context: FeedContext
  public var name: String { reader.path }
  private let reader: ITCHReader
  private let codes: ITCHCodes
  private let midnight: Timestamp
  private var books: OrderBookSet
  private var listings: [ITCHListing?] = []
  private var trades = RecentTrades(capacity: Limits.recentTradesMax)
  private var latest: Timestamp
  private var frameTime: Timestamp
  private var frameLocate: UInt16 = 0
  /// Of the message read last, in reverse.
  private var waiting: [FeedEvent] = []

  /// - Parameter day: `2019-01-30`; nil to read it from the file's name.
  public init(path: String, context: FeedContext, day: String? = nil) throws(FeedsError) {
    self.context = context
    reader = try ITCHReader(path: path, context: context)
    if let day {
      guard let parsed = TradingDay(parsing: day) else {
        throw FeedsError(.badArgument, "'\(day)' is no day such as 2019-01-30")
      }
      midnight = parsed.midnight
    } else {
      midnight = (TradingDay(inNameOf: path) ?? .unknown).midnight
    }
    codes = ITCHCodes(context, exchange: ITCHFeed.exchange(inNameOf: path))
    books = OrderBookSet(
      ordersMax: Limits.bookOrdersMax, levelsMax: OrderBooksLimits.levelsMax)
    latest = midnight
    frameTime = midnight
  }

  /// NASDAQ's three exchanges name their files alike: `20190130.BX_ITCH_50.gz`.
  private static func exchange(inNameOf path: String) -> StaticString {
    let name = path.split(separator: "/").last ?? ""
    if name.contains("BX_ITCH") { return "B" }
    if name.contains("PSX_ITCH") { return "X" }
    return "Q"
  }

  public func rewind() throws(FeedsError) {
    try reader.rewind()
    books.removeAll()
    trades.removeAll()
    waiting.removeAll()
    latest = midnight
  }

  public func next() throws(FeedsError) -> FeedItem? {
    while true {
      if let event = waiting.popLast() {
        context.counters.events += 1
        return FeedItem(position: reader.messageNumber, time: latest, event: event)
      }
      guard let frame = try reader.next() else { return nil }
      read(frame)
    }
  }

  private func read(_ frame: ITCHFrame) {
    frameLocate = frame.locate
    readTime(frame.timestamp)
    switch frame.type {
    case UInt8(ascii: "A"), UInt8(ascii: "F"): add(frame)
    case UInt8(ascii: "D"): show(books.delete(frame.reference, book: frame.locate))
    case UInt8(ascii: "E"): execute(frame, price: nil, isPrintable: true)
    case UInt8(ascii: "C"):
      execute(frame, price: frame.executionPrice, isPrintable: frame.printable != letterN)
    case UInt8(ascii: "X"):
      show(books.reduce(frame.reference, book: frame.locate, by: frame.reducedShares))
    case UInt8(ascii: "U"):
      show(
        books.replace(
          frame.reference, with: frame.newReference, book: frame.locate,
          shares: frame.newShares, price: frame.newPrice))
    case UInt8(ascii: "P"):
      list(frame.stock, roundLot: nil, tape: nil)
      trade(frame.tradeMatchNumber, UInt64(frame.shares), frame.price, conditions: nil)
    case UInt8(ascii: "Q"):
      list(frame.crossStock, roundLot: nil, tape: nil)
      trade(
        frame.crossMatchNumber, frame.crossShares, frame.crossPrice,
        conditions: codes.cross(frame.crossType))
    case UInt8(ascii: "B"): breakTrade(frame.brokenMatchNumber)
    case UInt8(ascii: "H"): halt(frame)
    case UInt8(ascii: "R"):
      list(
        frame.administeredStock, roundLot: frame.roundLot,
        tape: codes.tape(frame.marketCategory))
    default: context.counters.skippedMessages += 1
    }
  }

  private let letterN = UInt8(ascii: "N")

  /// A time beyond the day is damaged: the play would wait for it, and all behind it with it. The
  /// message counts all the same, at the time of the one before.
  private func readTime(_ nanoseconds: UInt64) {
    guard nanoseconds < 86_400_000_000_000 else {
      context.counters.malformedLines += 1
      reader.note("its time is beyond the day")
      frameTime = latest
      return
    }
    frameTime = Timestamp(nanoseconds: midnight.nanoseconds + Int64(nanoseconds))
    if frameTime < latest { context.counters.outOfOrder += 1 }
    latest = max(latest, frameTime)
  }

  // MARK: - Stocks

  private var listing: ITCHListing? {
    Int(frameLocate) < listings.count ? listings[Int(frameLocate)] : nil
  }

  /// Takes a stock's name. Only a directory message, which has a round lot, changes one that is
  /// known.
  private func list(_ padded: UnsafeRawBufferPointer, roundLot: UInt32?, tape: CodeID?) {
    guard roundLot != nil || listing == nil else { return }
    let count = padded.lastIndex { $0 != 0x20 }.map { $0 + 1 } ?? 0
    while listings.count <= Int(frameLocate) { listings.append(nil) }
    do throws(MarketDataError) {
      let symbol = try context.symbols.intern(
        UnsafeRawBufferPointer(rebasing: padded[..<count]))
      listings[Int(frameLocate)] = ITCHListing(
        symbol: symbol, tape: tape ?? codes.tape(0),
        roundLot: roundLot.map { $0 > 0 ? $0 : 100 } ?? 100)
    } catch {
      context.counters.malformedLines += 1
      reader.note("symbol: \(error)")
    }
  }

  // MARK: - Books

  private func add(_ frame: ITCHFrame) {
    list(frame.stock, roundLot: nil, tape: nil)
    let side: BookSide
    switch frame.side {
    case UInt8(ascii: "B"): side = .bid
    case UInt8(ascii: "S"): side = .ask
    default:
      context.counters.malformedLines += 1
      reader.note("an order of side \(frame.side)")
      return
    }
    show(
      books.add(
        frame.reference, book: frame.locate, side: side, shares: frame.shares,
        price: frame.price))
  }

  private func execute(_ frame: ITCHFrame, price: UInt32?, isPrintable: Bool) {
    let change = books.reduce(frame.reference, book: frame.locate, by: frame.reducedShares)
    show(change)
    guard isPrintable, change.shares > 0 else { return }
    trade(
      frame.matchNumber, UInt64(change.shares), price ?? change.price, conditions: nil)
  }

  /// Puts what a change shows before what is waiting, for that is in reverse.
  private func show(_ change: BookChange) {
    if let fault = change.fault {
      context.counters.impossibleChanges += 1
      reader.note("\(fault.reason)")
    }
    guard Int(change.rank) < Depth.levelsMax, let listing else { return }
    waiting.append(
      .depth(
        books.depth(frameLocate, symbol: listing.symbol, timestamp: frameTime, .shares)))
    guard change.rank == 0 else { return }
    var quote = books.quote(
      frameLocate, symbol: listing.symbol, timestamp: frameTime, .shares)
    quote.bidExchange = codes.exchange
    quote.askExchange = codes.exchange
    quote.conditions = codes.quote
    quote.tape = listing.tape
    waiting.append(.quote(quote))
  }

  // MARK: - Trades

  private func trade(
    _ match: UInt64, _ shares: UInt64, _ price: UInt32, conditions: CodeID?
  ) {
    guard shares > 0, let listing else { return }
    trades.add(
      RecentTrades.Entry(match: match, price: price, locate: frameLocate, shares: shares))
    var trade = Trade(
      symbol: listing.symbol, timestamp: frameTime, price: BookUnits.shares.price(price),
      size: BookUnits.shares.size(shares), id: Int64(truncatingIfNeeded: match))
    trade.exchange = codes.exchange
    trade.conditions =
      conditions ?? (shares < UInt64(listing.roundLot) ? codes.oddLot : codes.regular)
    trade.tape = listing.tape
    waiting.append(.trade(trade))
  }

  private func breakTrade(_ match: UInt64) {
    guard let entry = trades.find(match), entry.locate == frameLocate, let listing else {
      context.counters.impossibleChanges += 1
      reader.note("the broken trade is not known")
      return
    }
    var cancel = TradeCancel(
      symbol: listing.symbol, timestamp: frameTime,
      price: BookUnits.shares.price(entry.price), size: BookUnits.shares.size(entry.shares),
      id: Int64(truncatingIfNeeded: match))
    cancel.exchange = codes.exchange
    cancel.action = codes.cancelled
    cancel.tape = listing.tape
    waiting.append(.cancel(cancel))
  }

  private func halt(_ frame: ITCHFrame) {
    list(frame.administeredStock, roundLot: nil, tape: nil)
    guard let listing else { return }
    var status = TradingStatus(symbol: listing.symbol, timestamp: frameTime)
    let reason = String(
      decoding: frame.tradingReason.prefix { $0 > 0x20 && $0 < 0x7F }, as: UTF8.self)
    let state = frame.tradingState
    if 0x21..<0x7F ~= state {
      withUnsafeBytes(of: state) { status.statusCode = context.code($0) }
    }
    status.statusMessage = context.code(ITCHCodes.words(forState: state))
    status.reasonCode = context.code(
      UnsafeRawBufferPointer(rebasing: frame.tradingReason[..<reason.utf8.count]))
    status.reasonMessage = context.code(ITCHCodes.words(forReason: reason))
    status.tape = listing.tape
    waiting.append(.status(status))
  }
}
