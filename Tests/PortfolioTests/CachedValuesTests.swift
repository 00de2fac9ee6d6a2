import Testing

@testable import Portfolio

/// What lies in Redis may be from anybody: what is not exactly of our making is no value.
@Suite struct CachedValuesTests {
  private let id = "2a5aebb9-48c0-5e7a-ac09-c194973cae9e"

  @Test func theIndexFindsBySymbolPlainSymbolAndID() throws {
    let index = AssetIndex([
      .init(
        id: id, symbol: "BTC/USD", assetClass: "crypto", exchange: "CRYPTO", status: "active",
        attributes: []),
      .init(
        id: "3a5aebb9-48c0-5e7a-ac09-c194973cae9e", symbol: "ETHUSD", assetClass: "us_equity",
        exchange: "", status: "inactive", attributes: ["a", "b"]),
      .init(
        id: "4a5aebb9-48c0-5e7a-ac09-c194973cae9e", symbol: "ETH/USD", assetClass: "crypto",
        exchange: "CRYPTO", status: "active", attributes: []),
    ])
    #expect(index.find("BTCUSD")?.id == id && index.find("BTC/USD")?.id == id)
    #expect(index.find(id.uppercased())?.symbol == "BTC/USD")
    // A symbol of its own goes before a coin without its slash.
    #expect(index.find("ETHUSD")?.assetClass == "us_equity")
    #expect(index.find("btcusd") == nil && index.find("") == nil)
    let read = try #require(AssetIndex(decoding: index.encode()))
    #expect(read.entries == index.entries)
    let bytes = index.encode()
    for cut in 1..<bytes.count where bytes[cut - 1] != UInt8(ascii: "\n") {
      let part = AssetIndex(decoding: Array(bytes[..<cut]))
      #expect(part == nil || part!.entries.count <= index.entries.count)
    }
    #expect(AssetIndex(decoding: Array("x2".utf8)) == nil)
    #expect(AssetIndex(decoding: [0xff]) == nil)
    #expect(AssetIndex(decoding: Array("x1\nno\tA\t\t\t\t".utf8)) == nil)
  }

  @Test func watchlistsComeBackAsTheyWere() {
    let lists = [
      Watchlist(
        id: id, accountID: id, name: "\"\u{e9}\n", createdAt: 1, updatedAt: 2,
        symbols: ["AAPL", "BTC/USD"])
    ]
    #expect(WatchlistCodec.decode(WatchlistCodec.encode(lists)) == lists)
    #expect(WatchlistCodec.decode(WatchlistCodec.encode([])) == [])
    for text in ["", "w1", "w1 {}", "w1 [{}]", "w2 []", "w1 [] x", #"w1 [{"id":"x"}]"#] {
      #expect(WatchlistCodec.decode(Array(text.utf8)) == nil, "\(text)")
    }
  }

  @Test func cachedJSONIsOneObjectOfItsVersion() {
    let format = CachedJSON(version: "a1")
    let json = Array(#"{"a":[1]}"#.utf8)
    #expect(format.decode(format.encode(json)) == json)
    for text in ["", "a1", "a1 ", "a2 {}", "a1 []", "a1 {} {}", "a1 {\"a\":}", "{}"] {
      #expect(format.decode(Array(text.utf8)) == nil, "\(text)")
    }
  }

  @Test func aRepeatedRequestIsKnownByWhatItMeans() {
    #expect(Watchlists.mean(["AAPL", "BTCUSD", "AAPL"], ["AAPL", "BTC/USD"]))
    #expect(Watchlists.mean([], []))
    #expect(!Watchlists.mean(["AAPL"], ["AAPL", "MSFT"]))
    #expect(!Watchlists.mean(["MSFT", "AAPL"], ["AAPL", "MSFT"]))
    #expect(!Watchlists.mean(["AAPL", "X"], ["AAPL"]))
  }
}
