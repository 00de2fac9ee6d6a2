import MarketData
import Testing

@testable import FanOut
@testable import Gateway

@Suite struct SymbolNameTests {
  @Test func aNameKeepsItsBytes() throws {
    for text in ["A", "BRK.B", "BTC/USD", "A-_/.Z09", String(repeating: "Z", count: 32)] {
      let name = try #require(SymbolName(text))
      #expect(name.withBytes { Array($0) } == Array(text.utf8))
      #expect(name == SymbolName(text))
      #expect(name.hashValue == SymbolName(text)?.hashValue)
    }
  }

  @Test func whatIsNoSymbolIsNoName() {
    for text in ["", "a", "A B", "*", "\u{c4}", "A\0", String(repeating: "Z", count: 33)] {
      #expect(SymbolName(text) == nil)
    }
  }

  @Test func namesThatDifferAnywhereDiffer() throws {
    let base = String(repeating: "A", count: 32)
    for place in 0..<32 {
      var bytes = Array(base.utf8)
      bytes[place] = UInt8(ascii: "B")
      #expect(SymbolName(String(decoding: bytes, as: UTF8.self)) != SymbolName(base))
      #expect(SymbolName(String(base.prefix(place + 1))) != SymbolName(String(base.prefix(place))))
    }
  }

  @Test func aSlashMakesItCrypto() {
    #expect(SymbolName("BTC/USD")?.assetClass == .crypto)
    #expect(SymbolName("BRK.B")?.assetClass == .stock)
  }
}

@Suite struct StreamPathTests {
  @Test(arguments: ["/v2/iex", "/v2/sip", "/v2/delayed_sip", "/v2/test-1"])
  func stocks(path: String) { #expect(StreamPath.assetClass(path) == .stock) }

  @Test(arguments: ["/v1beta3/crypto/us", "/v1beta3/crypto/us-1"])
  func crypto(path: String) { #expect(StreamPath.assetClass(path) == .crypto) }

  @Test(arguments: [
    "", "/", "/v2", "/v2/", "/v2/iex/", "/v2//iex", "v2/iex", "/v2/IEX", "/v2/i x", "/v2/..",
    "/v3/iex", "/v2/stocks/trades", "/v1beta3/crypto", "/v1beta3/crypto/", "/v1beta3/us",
    "/v1beta3/crypto/us/1", "/v1beta3/options/us", "/v2/\u{e9}",
    "/v2/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",  // 33 letters
  ])
  func noStream(path: String) { #expect(StreamPath.assetClass(path) == nil) }
}

@Suite struct TopicDirectoryTests {
  private func name(
    _ symbol: String, _ channel: StreamChannel = .trades, _ path: AssetClass = .stock
  ) throws -> TopicDirectory.Name {
    TopicDirectory.Name(
      symbol: try #require(SymbolName(symbol)), channel: channel, path: path)
  }

  @Test func aTopicIsFoundByNameAndByIndex() throws {
    var directory = TopicDirectory()
    let id = TopicID(index: 5, generation: 1)
    directory.add(try name("AAPL"), id, isGrouped: true)
    #expect(directory.find(try name("AAPL")) == id)
    #expect(directory.record(5)?.name == (try name("AAPL")))
    #expect(directory.find(try name("AAPL", .quotes)) == nil)
    #expect(directory.find(try name("AAPL", .trades, .crypto)) == nil)
    #expect(directory.record(4) == nil)
    #expect(directory.record(6) == nil)
    #expect(directory.count == 1)
  }

  @Test func aRemovedTopicIsGoneAndItsIndexIsUsedAgain() throws {
    var directory = TopicDirectory()
    let (old, new) = (TopicID(index: 0, generation: 1), TopicID(index: 0, generation: 2))
    directory.add(try name("AAPL"), old, isGrouped: true)
    directory.remove(old)
    #expect(directory.find(try name("AAPL")) == nil)
    #expect(directory.count == 0)
    directory.add(try name("MSFT"), new, isGrouped: true)
    directory.remove(old)  // late: another topic lives there
    #expect(directory.find(try name("MSFT")) == new)
    directory.remove(new)
    directory.remove(new)
    #expect(directory.count == 0)
  }

  @Test func aTopicsStateChangesInPlace() throws {
    var directory = TopicDirectory()
    directory.add(try name("AAPL", .quotes), TopicID(index: 1, generation: 1), isGrouped: true)
    #expect(directory.update(1) { $0.feedStopped() } == true)
    #expect(directory.record(1)?.state.isStale == true)
    #expect(directory.update(0) { $0.feedStopped() } == nil)
    #expect(directory.update(9) { $0.feedStopped() } == nil)
  }

  @Test func aSymbolOnTheOtherClassesPathIsNotCarried() throws {
    #expect(try name("AAPL", .trades, .stock).isCarried)
    #expect(try name("BTC/USD", .trades, .crypto).isCarried)
    #expect(try !name("BTC/USD", .trades, .stock).isCarried)
    #expect(try !name("AAPL", .trades, .crypto).isCarried)
  }
}
