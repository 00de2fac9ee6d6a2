import MarketData
import Testing

@Suite struct DepthTests {
  @Test func levelsBeyondTheBoundAreIgnored() {
    var depth = Depth(symbol: SymbolID(index: 0), timestamp: Timestamp(nanoseconds: 0))
    for price in 1...12 {
      depth.appendBid(Level(price: Decimal9(nanos: Int64(price)), size: .zero))
    }
    #expect(depth.bidCount == Depth.levelsMax)
    #expect(depth.bids[9].price.nanos == 10)
  }
}
