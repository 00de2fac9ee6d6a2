// What `stock:{symbol}:last` holds: a price that outlives the lease of the live keys by a day, so that
// a position can still be marked when its symbol is quiet or its feed is gone, and be called stale.
// It is written at most each 10 s and never published: nobody may take it for a live price.

public struct LastPrice: Hashable, Sendable {
  public var price: Decimal9
  /// When it was the price, in the feed's time.
  public var asOf: Timestamp

  public init(price: Decimal9, asOf: Timestamp) {
    self.price = price
    self.asOf = asOf
  }

  /// What a quote is worth where there is no trade: its middle, rounded down to 1e-9; the one side of
  /// a one-sided market; nil of an empty one.
  public init?(_ quote: Quote) {
    guard let price = LastPrice.middle(quote.bidPrice, quote.askPrice) else { return nil }
    self.init(price: price, asOf: quote.timestamp)
  }

  /// A missing side is 0.
  public static func middle(_ bid: Decimal9, _ ask: Decimal9) -> Decimal9? {
    guard bid.nanos > 0, ask.nanos > 0 else {
      let only = max(bid, ask)
      return only.nanos > 0 ? only : nil
    }
    // Without the sum, which may not fit.
    return Decimal9(nanos: bid.nanos / 2 + ask.nanos / 2 + (bid.nanos & ask.nanos & 1))
  }

  /// A day: over a night and a holiday's eve a position can be marked.
  public static let ttlMilliseconds: UInt32 = 86_400_000

  /// `stock:` + symbol + `:last`.
  public static func appendKey(symbol: RawSpan, to writer: inout ByteWriter) {
    writer.append("stock:")
    writer.append(symbol)
    writer.append(":last")
  }

  /// Appends `{"E":1,"N":7,"T":"last","S":"AAPL","p":189.97,"as_of":"2026-11-21T06:23:00Z"}`.
  public func append(
    symbol: RawSpan, sequence: SequenceNumber, to writer: inout ByteWriter
  ) {
    writer.append("{\"E\":")
    writer.appendDecimal(sequence.epoch)
    writer.append(",\"N\":")
    writer.appendDecimal(sequence.number)
    writer.append(",\"T\":\"last\",\"S\":\"")
    writer.append(symbol)
    writer.append("\",\"p\":")
    writer.append(price)
    writer.append(",\"as_of\":\"")
    writer.append(asOf)
    writer.append("\"}")
  }
}
