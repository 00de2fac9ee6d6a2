import MarketData

extension NativeDecoder {
  func status(_ line: UnsafeRawBufferPointer) throws(LineError) -> TradingStatus {
    let fields = try NativeRareFields(line, ["sc", "sm", "rc", "rm"])
    let timestamp = try timestamp(message.time, "t")
    var status = TradingStatus(symbol: try symbol(), timestamp: timestamp)
    status.statusCode = try code(fields[0].field, fields[0].name)
    status.statusMessage = try code(fields[1].field, fields[1].name)
    status.reasonCode = try code(fields[2].field, fields[2].name)
    status.reasonMessage = try code(fields[3].field, fields[3].name)
    status.tape = try code(message.tape, "z")
    return status
  }

  func cancel() throws(LineError) -> TradeCancel {
    let timestamp = try timestamp(message.time, "t")
    let price = try message.price.decimal("p")
    let size = try message.size.size("s")
    let id = try message.id.integer("i")
    var cancel = TradeCancel(
      symbol: try symbol(), timestamp: timestamp, price: price, size: size, id: id)
    cancel.exchange = try code(message.exchange, "x")
    // The same key holds a book's asks.
    cancel.action = try code(message.asks, "a")
    cancel.tape = try code(message.tape, "z")
    return cancel
  }

  func correction(_ line: UnsafeRawBufferPointer) throws(LineError) -> TradeCorrection {
    let fields = try NativeRareFields(line, ["oi", "op", "os", "oc", "ci", "cp", "cs", "cc"])
    let timestamp = try timestamp(message.time, "t")
    let original = try version(fields, at: 0)
    let corrected = try version(fields, at: 4)
    var correction = TradeCorrection(
      symbol: try symbol(), timestamp: timestamp, original: original, corrected: corrected)
    correction.exchange = try code(message.exchange, "x")
    correction.tape = try code(message.tape, "z")
    return correction
  }

  private func version(
    _ fields: NativeRareFields, at place: Int
  ) throws(LineError) -> TradeCorrection.Version {
    let (id, price, size, list) = (
      fields[place], fields[place + 1], fields[place + 2], fields[place + 3]
    )
    var version = TradeCorrection.Version(
      id: try id.field.integer(id.name), price: try price.field.decimal(price.name),
      size: try size.field.size(size.name))
    version.conditions = try conditions(list.field, list.name)
    return version
  }
}
