import MarketData
import Testing

@testable import Portfolio

@Suite struct MarketValueTests {
  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
  private let trade =
    #"{"E":1,"N":7,"P":5,"T":"t","S":"AAPL","t":"2026-11-21T06:23:00Z","p":189.97,"s":46}"#
  private let quote =
    #"{"E":1,"N":8,"T":"q","S":"AAPL","t":"2026-11-21T06:23:01Z","bp":189.96,"bs":3,"ap":189.98,"as":2}"#
  private let last = #"{"E":1,"N":7,"T":"last","S":"AAPL","p":188,"as_of":"2026-11-21T06:20:00Z"}"#

  private func mark(_ trade: String?, _ quote: String?, _ last: String?) -> Mark {
    MarketPrices.mark(
      trade: trade.map(bytes), quote: quote.map(bytes), last: last.map(bytes))
  }

  @Test func aLiveTradeGoesBeforeAQuoteAndBothBeforeTheLast() {
    let live = mark(trade, quote, last)
    #expect(!live.isStale)
    #expect(live.price?.price.description == "189.97")
    #expect(live.price?.asOf.description == "2026-11-21T06:23:00Z")
    let quoted = mark(nil, quote, last)
    #expect(!quoted.isStale)
    #expect(quoted.price?.price.description == "189.97")
    #expect(quoted.price?.asOf.description == "2026-11-21T06:23:01Z")
    let stale = mark(nil, nil, last)
    #expect(stale.isStale)
    #expect(stale.price?.price.description == "188")
    #expect(stale.price?.asOf.description == "2026-11-21T06:20:00Z")
    #expect(mark(nil, nil, nil) == .unknown)
  }

  @Test func whatCannotBeReadIsNotThere() {
    for text in [
      "", "{", "[]", "null", #"{"T":"t","p":1}"#, #"{"T":"t","t":"x","p":1}"#,
      #"{"T":"stale","t":"2026-11-21T06:23:00Z","p":1}"#,
      #"{"T":"t","t":"2026-11-21T06:23:00Z","p":0}"#,
      #"{"T":"t","t":"2026-11-21T06:23:00Z","p":-1}"#,
      #"{"T":"t","t":"2026-11-21T06:23:00Z","p":"1"}"#,
      #"{"T":"t","t":"2026-11-21T06:23:00Z","p":1} x"#,
      #"{"T":"t","t":"2026-11-21T06:23:00Z","p":99999999999999}"#,
    ] {
      #expect(mark(text, text, text) == .unknown, "\(text)")
      #expect(mark(text, quote, last).price?.price.description == "189.97", "\(text)")
    }
  }
}
