import Bars
import MarketData

/// A maker and what it told, in words.
final class BarScene {
  let symbols = SymbolTable()
  let codes = CodeTable()
  let maker: BarMaker
  private(set) var told: [BuiltBar] = []
  private var number: UInt64 = 0

  init() { maker = BarMaker(symbols: symbols, codes: codes) }

  static func time(_ text: String) -> Timestamp { Timestamp(parsing: text)! }

  /// The feed's clock.
  func at(_ text: String) { maker.advance(to: BarScene.time(text)) { told.append($0) } }

  func trade(
    of symbol: String = "AAPL", _ time: String, _ price: String, _ size: String = "100",
    conditions: String? = nil, tape: String? = nil
  ) {
    number += 1
    var trade = Trade(
      symbol: try! symbols.intern(symbol), timestamp: BarScene.time(time),
      price: Decimal9(parsing: price)!, size: Decimal9(parsing: size)!)
    if let conditions { trade.conditions = try! codes.intern(conditions) }
    if let tape { trade.tape = try! codes.intern(tape) }
    take(trade, SequenceNumber(epoch: 1, number: number))
  }

  func take(_ trade: Trade, _ sequence: SequenceNumber) {
    maker.take(trade, sequence: sequence) { told.append($0) }
  }

  func finish() { maker.finish { told.append($0) } }

  func text(_ built: BuiltBar) -> String {
    let bar = built.bar
    let kind = String(UnicodeScalar(built.kind.letter))
    let prices = [bar.open, bar.high, bar.low, bar.close].map(\.description).joined(separator: " ")
    let vwap = bar.vwap.map(\.description) ?? "-"
    return "\(kind) \(symbols.name(of: bar.symbol)) \(bar.start) \(prices) v\(bar.volume) "
      + "n\(bar.tradeCount ?? 0) w\(vwap) @\(built.sequence.number)"
  }

  /// What was told since the last call.
  func take() -> [String] {
    defer { told.removeAll() }
    return told.map(text)
  }

  func minutes() -> [String] { take().filter { !$0.hasPrefix("d") } }
}
