import Ingest
import MarketData

/// A board, its sink, and a feed that numbers its events.
struct BoardScene {
  let symbols = SymbolTable()
  let codes = CodeTable()
  let sink = RecordingSink()
  let board: MarketBoard
  private(set) var position: UInt64 = 0

  init(epoch: UInt64 = 7) {
    board = MarketBoard(symbols: symbols, codes: codes, epoch: epoch)
  }

  /// 2026-11-21T06:23:00Z, as all events here.
  static let time = Timestamp(nanoseconds: 1_795_242_180_000_000_000)
  static let timeText = "2026-11-21T06:23:00Z"

  func symbol(_ name: String) throws -> SymbolID { try symbols.intern(name) }

  mutating func apply(_ event: FeedEvent) {
    position += 1
    board.apply(event, position: position, to: sink)
  }

  mutating func trade(_ name: String, _ units: Int64 = 100) throws {
    apply(
      .trade(
        Trade(
          symbol: try symbol(name), timestamp: BoardScene.time,
          price: Decimal9(nanos: units * Decimal9.scale), size: Decimal9(nanos: Decimal9.scale))))
  }

  mutating func quote(_ name: String, _ units: Int64 = 100) throws {
    let size = Decimal9(nanos: Decimal9.scale)
    apply(
      .quote(
        Quote(
          symbol: try symbol(name), timestamp: BoardScene.time,
          bidPrice: Decimal9(nanos: units * Decimal9.scale), bidSize: size,
          askPrice: Decimal9(nanos: (units + 1) * Decimal9.scale), askSize: size)))
  }

  mutating func depth(_ name: String, _ units: Int64 = 100) throws {
    var depth = Depth(symbol: try symbol(name), timestamp: BoardScene.time)
    depth.appendBid(
      Level(
        price: Decimal9(nanos: units * Decimal9.scale), size: Decimal9(nanos: Decimal9.scale)))
    apply(.depth(depth))
  }

  mutating func stale(_ name: String) throws {
    apply(.stale(try symbol(name), since: BoardScene.time))
  }

  /// Flushes, and gives what the sink took since the last call.
  func flush(at milliseconds: UInt64 = 1_000) -> [RecordingSink.Command] {
    board.flush(to: sink, nowMilliseconds: milliseconds)
    return sink.drain()
  }

  /// The marker of a withdrawn symbol.
  func marker(_ name: String, _ number: UInt64, epoch: UInt64 = 7) -> String {
    #"{"E":\#(epoch),"N":\#(number),"T":"stale","S":"\#(name)","since":"\#(BoardScene.timeText)"}"#
  }
}
