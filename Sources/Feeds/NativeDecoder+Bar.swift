import MarketData

extension NativeDecoder {
  func bar() throws(LineError) -> Bar {
    let start = try timestamp(message.time, "t")
    let open = try message.open.decimal("o")
    let high = try message.high.decimal("h")
    let low = try message.low.decimal("l")
    let close = try message.conditions.decimal("c")
    guard message.volume.kind == .number else { throw message.volume.fault("v") }
    guard let volume = WideDecimal9(parsing: message.volume.bytes), volume >= .zero else {
      throw .invalid("v")
    }
    let count = try message.tradeCount.integer("n")
    guard count ?? 0 >= 0 else { throw .invalid("n") }
    let vwap = message.vwap.kind == .null ? nil : try message.vwap.decimal("vw")
    return Bar(
      symbol: try symbol(), start: start, open: open, high: high, low: low, close: close,
      volume: volume, tradeCount: count.map { UInt64($0) }, vwap: vwap)
  }
}
