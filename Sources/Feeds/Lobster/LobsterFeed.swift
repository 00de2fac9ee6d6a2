// A LOBSTER message file as a feed, alone or with the orderbook file that belongs to it.
//
// With it the book is, after every row, what the orderbook file shows at its levels: it begins with
// the first row, is carried on by the messages, and is taken anew from the file wherever the two
// differ (orders that rested before the file began come up from below its last level). Those are
// counted. Alone, the book holds what the file itself added; changes of orders that rested before it
// are counted and reported as impossible.
//
// A row's ordinal is its position. Day and symbol come from the file's name,
// `AAPL_2012-06-21_34200000_57600000_message_10.csv`, and so does the orderbook file's.

import Glibc
import MarketData
import OrderBooks

public final class LobsterFeed: FeedSource {
  public let context: FeedContext
  public var name: String { lines.path }
  /// How often the orderbook file knew more than the messages told.
  public private(set) var reseeds: UInt64 = 0
  private let lines: LineReader
  private var rows: LineReader?
  private let rowsPath: String?
  private let symbol: SymbolID
  private let midnight: Timestamp
  private let codes: ITCHCodes
  private let tape: CodeID
  private var book = LobsterBook()
  private var latest: Timestamp
  /// Of the row read last, in reverse.
  private var waiting: [FeedEvent] = []

  public init(path: String, context: FeedContext, day: String? = nil) throws(FeedsError) {
    self.context = context
    lines = try LineReader(path: path, context: context)
    if let day {
      guard let parsed = TradingDay(parsing: day) else {
        throw FeedsError(.badArgument, "'\(day)' is no day such as 2012-06-21")
      }
      midnight = parsed.midnight
    } else {
      midnight = (TradingDay(inNameOf: path) ?? .unknown).midnight
    }
    symbol = try LobsterFeed.symbol(inNameOf: path, context)
    codes = ITCHCodes(context, exchange: "Q")
    tape = codes.tape(0)
    rowsPath = LobsterFeed.rowsPath(path)
    rows = nil
    latest = midnight
    try openRows()
  }

  private static func symbol(
    inNameOf path: String, _ context: FeedContext
  ) throws(FeedsError) -> SymbolID {
    let stem =
      path.split(separator: "/").last?.split(whereSeparator: { $0 == "_" || $0 == "." })
      .first.map(String.init) ?? ""
    do throws(MarketDataError) {
      return try context.symbols.intern(stem)
    } catch {
      throw FeedsError(.badArgument, "\(path): no symbol begins the file's name: \(error)")
    }
  }

  /// The orderbook file that lies beside a message file, if there is one.
  private static func rowsPath(_ path: String) -> String? {
    let name = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    guard let word = path[name...].firstRange(of: "_message_") else { return nil }
    let rows = path[..<word.lowerBound] + "_orderbook_" + path[word.upperBound...]
    return access(String(rows), R_OK) == 0 ? String(rows) : nil
  }

  /// A context of its own counts and reports its lines, so that the feed's are the messages alone.
  private func openRows() throws(FeedsError) {
    guard let rowsPath else { return }
    let feed = context
    rows = try LineReader(
      path: rowsPath,
      context: FeedContext(report: { problem in
        feed.note(source: problem.source, line: problem.line, reason: problem.reason)
      }))
  }

  public func rewind() throws(FeedsError) {
    try lines.rewind()
    try openRows()
    book = LobsterBook()
    waiting.removeAll()
    latest = midnight
    reseeds = 0
  }

  public func next() throws(FeedsError) -> FeedItem? {
    while true {
      if let event = waiting.popLast() {
        context.counters.events += 1
        return FeedItem(position: lines.lineNumber, time: latest, event: event)
      }
      guard let line = try lines.next() else { return nil }
      let row = try nextRow()
      do throws(LineError) {
        read(try LobsterMessage(line), row)
      } catch {
        lines.noteMalformed(error.description)
      }
    }
  }

  /// The orderbook's row of the message read last; nil without one, and from a malformed or missing
  /// one on.
  private func nextRow() throws(FeedsError) -> LobsterRow? {
    guard let rows else { return nil }
    // An overlong or malformed message has its row all the same.
    var line: UnsafeRawBufferPointer?
    repeat { line = try rows.next() } while line != nil && rows.lineNumber < lines.lineNumber
    guard let line, rows.lineNumber == lines.lineNumber else {
      context.note(source: rows.path, line: rows.lineNumber, reason: "rows are missing")
      self.rows = nil
      return nil
    }
    do throws(LineError) {
      return try LobsterRow(line)
    } catch {
      rows.noteMalformed("\(error); the orderbook is not read on")
      self.rows = nil
      return nil
    }
  }

  private func read(_ message: LobsterMessage, _ row: LobsterRow?) {
    let time = Timestamp(nanoseconds: midnight.nanoseconds + message.nanoseconds)
    if time < latest { context.counters.outOfOrder += 1 }
    latest = max(latest, time)
    var rank = Int.max
    if row != nil, reseeds == 0 {
      // The first row is the book after the first message.
      if let row { reseed(row) }
      rank = 0
    } else if let change = book.apply(message) {
      rank = Int(change.rank)
      // With the orderbook file what is not known is taken from it.
      if let fault = change.fault, row == nil {
        context.counters.impossibleChanges += 1
        context.note(
          source: lines.path, line: lines.lineNumber, reason: "\(fault.reason)")
      }
    }
    if let row, !book.shows(row, levels: Depth.levelsMax) {
      reseed(row)
      rank = 0
    }
    show(rank, time)
    tell(message, time)
  }

  private func reseed(_ row: LobsterRow) {
    book.seed(row)
    reseeds += 1
  }

  private func show(_ rank: Int, _ time: Timestamp) {
    guard rank < Depth.levelsMax else { return }
    waiting.append(
      .depth(
        book.books.depth(LobsterBook.number, symbol: symbol, timestamp: time, .shares)))
    guard rank == 0 else { return }
    var quote = book.books.quote(
      LobsterBook.number, symbol: symbol, timestamp: time, .shares)
    quote.bidExchange = codes.exchange
    quote.askExchange = codes.exchange
    quote.conditions = codes.quote
    quote.tape = tape
    waiting.append(.quote(quote))
  }

  /// Trades and halts; they come before the book that they leave.
  private func tell(_ message: LobsterMessage, _ time: Timestamp) {
    switch message.kind {
    case .execute, .executeHidden, .cross:
      guard message.shares > 0 else { return }
      var trade = Trade(
        symbol: symbol, timestamp: time,
        price: BookUnits.shares.price(UInt32(clamping: message.price)),
        size: BookUnits.shares.size(UInt64(message.shares)))
      trade.exchange = codes.exchange
      trade.conditions =
        message.kind == .cross
        ? codes.opening : message.shares < 100 ? codes.oddLot : codes.regular
      trade.tape = tape
      waiting.append(.trade(trade))
    case .halt:
      var status = TradingStatus(symbol: symbol, timestamp: time)
      let state =
        switch message.price {
        case 0: UInt8(ascii: "Q")
        case 1: UInt8(ascii: "T")
        default: UInt8(ascii: "H")
        }
      withUnsafeBytes(of: state) { status.statusCode = context.code($0) }
      status.statusMessage = context.code(ITCHCodes.words(forState: state))
      status.tape = tape
      waiting.append(.status(status))
    case .add, .cancel, .delete: break
    }
  }
}
