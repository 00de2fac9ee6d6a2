// What the ingester's values in Redis say of a price. They are bytes that anybody could have written:
// what cannot be read is as if it were not there.
import MarketData

/// A price and when it was one.
struct MarketPrice: Hashable, Sendable {
  var price: Decimal9
  var asOf: Timestamp
}

enum MarketValue {
  /// Of `stock:{symbol}:price`: a trade.
  static func trade(_ bytes: [UInt8]) -> MarketPrice? {
    guard let fields = Fields(bytes), fields.kind == "t", let price = fields.price else {
      return nil
    }
    return fields.at(price)
  }

  /// Of `stock:{symbol}:quote`: its middle.
  static func quote(_ bytes: [UInt8]) -> MarketPrice? {
    guard let fields = Fields(bytes), fields.kind == "q",
      let price = LastPrice.middle(fields.bid ?? .zero, fields.ask ?? .zero)
    else { return nil }
    return fields.at(price)
  }

  /// Of `stock:{symbol}:last`.
  static func last(_ bytes: [UInt8]) -> MarketPrice? {
    guard let fields = Fields(bytes), fields.kind == "last", let price = fields.price else {
      return nil
    }
    return fields.at(price)
  }

  private struct Fields {
    var kind: String?
    var time: Timestamp?
    var price: Decimal9?
    var bid: Decimal9?
    var ask: Decimal9?

    init?(_ bytes: [UInt8]) {
      var read = Fields()
      do throws(JSONError) {
        try bytes.span.bytes.withUnsafeBytes { (bytes) throws(JSONError) in
          var reader = JSONReader(bytes)
          try read.fill(&reader)
          try reader.end()
        }
      } catch {
        return nil
      }
      self = read
    }

    private init() {}

    private mutating func fill(_ reader: inout JSONReader) throws(JSONError) {
      try reader.beginObject()
      while let key = try reader.nextKey() {
        switch key {
        case "T": kind = try reader.string().string
        case "t", "as_of": time = Timestamp(parsing: try reader.string().raw)
        case "p": price = Decimal9(parsing: try reader.number())
        case "bp": bid = Decimal9(parsing: try reader.number())
        case "ap": ask = Decimal9(parsing: try reader.number())
        default: try reader.skipValue()
        }
      }
    }

    func at(_ price: Decimal9) -> MarketPrice? {
      guard price.nanos > 0, let time else { return nil }
      return MarketPrice(price: price, asOf: time)
    }
  }
}
