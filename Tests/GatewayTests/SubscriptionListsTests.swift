import FanOut
import MarketData
import Testing
import WebTransport

@testable import Gateway

@Suite struct SubscriptionListsTests {
  private func lists(
    _ path: AssetClass, _ held: [StreamChannel: [String]] = [:],
    wildcards: Set<StreamChannel> = []
  ) -> SubscriptionLists {
    SubscriptionLists(
      path: path,
      names: StreamChannel.allCases.map { (held[$0] ?? []).compactMap { SymbolName($0) } },
      wildcards: StreamChannel.allCases.map { wildcards.contains($0) })
  }

  private func json(_ lists: SubscriptionLists) -> String {
    String(decoding: written { lists.write(.json, into: &$0) }, as: UTF8.self)
  }

  @Test func everyChannelOfTheStockPathIsListed() {
    #expect(
      json(lists(.stock))
        == #"[{"T":"subscription","trades":[],"quotes":[],"bars":[],"updatedBars":[],"#
        + #""dailyBars":[],"orderbooks":[],"statuses":[],"lulds":[],"corrections":[],"#
        + #""cancelErrors":[]}]"#)
  }

  @Test func everyChannelOfTheCryptoPathIsListed() {
    #expect(
      json(lists(.crypto, [.orderbooks: ["BTC/USD", "ETH/USD"]]))
        == #"[{"T":"subscription","trades":[],"quotes":[],"bars":[],"updatedBars":[],"#
        + #""dailyBars":[],"orderbooks":["BTC/USD","ETH/USD"],"statuses":[],"corrections":[],"#
        + #""cancelErrors":[]}]"#)
  }

  @Test func correctionsAndCancelErrorsFollowTheTrades() {
    #expect(
      json(lists(.stock, [.trades: ["MSFT", "AAPL"], .quotes: ["AAPL"]]))
        == #"[{"T":"subscription","trades":["MSFT","AAPL"],"quotes":["AAPL"],"bars":[],"#
        + #""updatedBars":[],"dailyBars":[],"orderbooks":[],"statuses":[],"lulds":[],"#
        + #""corrections":["MSFT","AAPL"],"cancelErrors":["MSFT","AAPL"]}]"#)
  }

  @Test func aWildcardComesFirst() {
    let lists = lists(.crypto, [.trades: ["BTC/USD"]], wildcards: [.trades, .quotes])
    #expect(
      json(lists)
        == #"[{"T":"subscription","trades":["*","BTC/USD"],"quotes":["*"],"bars":[],"#
        + #""updatedBars":[],"dailyBars":[],"orderbooks":[],"statuses":[],"#
        + #""corrections":["*","BTC/USD"],"cancelErrors":["*","BTC/USD"]}]"#)
  }

  /// The same content: read back token by token.
  @Test func messagePackSaysTheSame() throws {
    let path: [AssetClass] = [.stock, .crypto]
    for path in path {
      let lists = lists(
        path, [.trades: ["AAPL", "BTC/USD"], .quotes: ["A"]], wildcards: [.trades])
      let bytes = written { lists.write(.messagePack, into: &$0) }
      #expect(try MessagePackText.render(bytes) == json(lists))
    }
  }

  /// Goal: no acknowledgement is over what the transport sends. Method: fill up to the bound with
  /// the longest names, which are dearest in MessagePack, and with short ones, in every channel.
  @Test func whatFitsTheBoundFitsOneMessage() throws {
    let bound = GatewayLimits.acknowledgedNamesBytesMax
    for length in [1, 31, 32] {
      for (path, channel) in [
        (AssetClass.stock, StreamChannel.trades), (.stock, .quotes), (.crypto, .trades),
      ] {
        let symbol = try #require(SymbolName(String(repeating: "A", count: length)))
        let name = TopicDirectory.Name(symbol: symbol, channel: channel, path: path)
        let count = bound / SubscriptionLists.bytes(of: name)
        let lists = SubscriptionLists(
          path: path,
          names: StreamChannel.allCases.map {
            $0 == channel ? Array(repeating: symbol, count: count) : []
          }, wildcards: StreamChannel.allCases.map { _ in true })
        for encoding in [ClientEncoding.json, .messagePack] {
          let bytes = written { lists.write(encoding, into: &$0) }
          #expect(bytes.count <= WebTransportLimits.controlMessageBytesMax)
          // The bound is not wasteful either.
          if encoding == .json { #expect(bytes.count >= bound - 512) }
        }
      }
    }
  }
}

/// MessagePack as the JSON of the same content, for comparison: maps, arrays and strings.
enum MessagePackText {
  static func render(_ bytes: [UInt8]) throws -> String {
    try bytes.withUnsafeBytes { raw in
      var reader = MessagePackReader()
      let text = try render(&reader, raw)
      try reader.finish(raw.bytes)
      return text
    }
  }

  private static func render(
    _ reader: inout MessagePackReader, _ bytes: UnsafeRawBufferPointer
  ) throws -> String {
    switch try reader.next(bytes.bytes) {
    case .map(let count):
      var pairs: [String] = []
      for _ in 0..<count {
        pairs.append(try render(&reader, bytes) + ":" + render(&reader, bytes))
      }
      return "{" + pairs.joined(separator: ",") + "}"
    case .array(let count):
      var elements: [String] = []
      for _ in 0..<count { elements.append(try render(&reader, bytes)) }
      return "[" + elements.joined(separator: ",") + "]"
    case .string(let range):
      return "\"" + String(decoding: bytes[range], as: UTF8.self) + "\""
    case .integer(let number): return "\(number)"
    default: return "?"
    }
  }
}
