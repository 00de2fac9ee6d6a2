import MarketData
import Testing

@Suite struct FeedMessagesTests {
  private func heartbeat(_ stale: FeedHeartbeat.Stale) -> FeedHeartbeat {
    FeedHeartbeat(
      sequence: SequenceNumber(epoch: 1_795_242_180, number: 42),
      timestamp: Timestamp(nanoseconds: 1_795_242_180_123_456_789), isRebased: true,
      state: .paused, speedThousandths: 2_500, symbolsVersion: 7, run: 1_795_242_100,
      madeMilliseconds: 86_400_123, stale: stale)
  }

  private func bytes(_ body: (inout ByteWriter) -> Void) -> [UInt8] {
    var writer = ByteWriter()
    body(&writer)
    return writer.withUnsafeBytes { Array($0) }
  }

  @Test(arguments: [FeedHeartbeat.Stale.all, .symbols([]), .symbols(["AAPL", "BTC/USD"])])
  func aHeartbeatComesBackAsItWasWritten(stale: FeedHeartbeat.Stale) throws {
    let written = heartbeat(stale)
    let json = bytes { written.append(to: &$0) }
    #expect(String(decoding: json, as: UTF8.self).hasPrefix(#"{"E":1795242180,"N":42,"T":"#))
    let read = try json.withUnsafeBytes { try FeedHeartbeat(parsing: $0) }
    #expect(read == written)
  }

  @Test func aHeartbeatNeedNotSayItsRunNorWhenItWasMade() throws {
    var written = heartbeat(.symbols([]))
    written.run = 0
    written.madeMilliseconds = nil
    let json = bytes { written.append(to: &$0) }
    #expect(!String(decoding: json, as: UTF8.self).contains("run"))
    #expect(try json.withUnsafeBytes { try FeedHeartbeat(parsing: $0) } == written)
  }

  @Test(arguments: [#""run":-1"#, #""made":-1"#, #""made":"now""#, #""run":1.5"#])
  func aHeartbeatWithAnImpossibleRunOrTimeIsAnError(field: String) {
    let written = String(
      decoding: bytes { heartbeat(.symbols([])).append(to: &$0) }, as: UTF8.self)
    let json = Array(written.dropLast().utf8) + Array(",\(field)}".utf8)
    #expect(throws: JSONError.self) {
      try json.withUnsafeBytes { try FeedHeartbeat(parsing: $0) }
    }
  }

  @Test func aHeartbeatCutAnywhereIsAnError() {
    let written = heartbeat(.symbols(["AAPL"]))
    let json = bytes { written.append(to: &$0) }
    for length in 0..<json.count {
      #expect(throws: JSONError.self) {
        try json[..<length].withUnsafeBytes { try FeedHeartbeat(parsing: $0) }
      }
    }
  }

  @Test func aSymbolListComesBackWithoutWhatIsNoSymbol() throws {
    let list = FeedSymbolList(version: 3, symbols: ["AAPL", "not a symbol", "BTC/USD"])
    let json = bytes { list.append(to: &$0) }
    let read = try json.withUnsafeBytes { try FeedSymbolList(parsing: $0) }
    #expect(read == FeedSymbolList(version: 3, symbols: ["AAPL", "BTC/USD"]))
  }

  @Test func everyKeyIsItsChannelsName() {
    let names = MarketKey.allCases.map { key in
      let text = bytes { writer in
        let symbol: [UInt8] = Array("BTC/USD".utf8)
        symbol.withUnsafeBytes { key.append(symbol: $0.bytes, to: &writer) }
      }
      return String(decoding: text, as: UTF8.self)
    }
    #expect(names.count == Set(names).count)
    #expect(names[0] == "stock:BTC/USD:price")
    #expect(names[2] == "depth:BTC/USD")
    #expect(GatewayKey.probe.name(gateway: "1f") == "gateway:1f:probe")
  }
}
