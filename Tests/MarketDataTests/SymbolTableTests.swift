import MarketData
import Testing

@Suite struct SymbolTableTests {
  @Test func idsAreDenseInOrderOfFirstSightAndStay() throws {
    let table = SymbolTable()
    #expect(try table.intern("AAPL").index == 0)
    #expect(try table.intern("BTC/USD").index == 1)
    #expect(try table.intern("AAPL").index == 0)
    #expect(table.count == 2)
    #expect(find("BTC/USD", in: table)?.index == 1)
    #expect(find("MSFT", in: table) == nil)
    #expect(find("", in: table) == nil)
    #expect(table.name(of: SymbolID(index: 1)) == "BTC/USD")
    #expect(table.withBytes(of: SymbolID(index: 0)) { $0.byteCount } == 4)
  }

  private func find(_ name: String, in table: SymbolTable) -> SymbolID? {
    table.find(name.utf8Span.span.bytes)
  }

  private func isWellFormed(_ bytes: [UInt8]) -> Bool {
    SymbolTable.isWellFormed(bytes.span.bytes)
  }

  private func assetClass(_ name: String) -> AssetClass {
    AssetClass(ofSymbol: name.utf8Span.span.bytes)
  }

  @Test func aSlashMakesASymbolCrypto() throws {
    let table = SymbolTable()
    #expect(table.assetClass(of: try table.intern("BTC/USD")) == .crypto)
    #expect(table.assetClass(of: try table.intern("BRK.B")) == .stock)
    #expect(assetClass("ETH/USD") == .crypto)
    #expect(assetClass("RELIANCE") == .stock)
  }

  @Test(arguments: [
    "", "aapl", "A B", "A*", "*", "É", "A\0", "A\"", "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456",
  ])
  func malformedSymbolIsRefused(name: String) {
    let table = SymbolTable()
    #expect(throws: MarketDataError.symbolMalformed) { try table.intern(name) }
    #expect(table.count == 0)
    #expect(!isWellFormed(Array(name.utf8)))
  }

  @Test func everyAllowedByteIsAllowedAndNoOther() {
    let allowed = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-".utf8)
    for byte in UInt8.min...UInt8.max {
      #expect(isWellFormed([byte]) == allowed.contains(byte))
    }
  }

  @Test func fullTableRefusesNewSymbolsAndKeepsTheOld() throws {
    let table = SymbolTable()
    for number in 0..<MarketDataLimits.symbolsMax {
      try #require(try table.intern("S\(number)").index == UInt32(number))
    }
    #expect(throws: MarketDataError.symbolsFull) { try table.intern("NEW") }
    for number in 0..<MarketDataLimits.symbolsMax {
      try #require(try table.intern("S\(number)").index == UInt32(number))
    }
    #expect(table.name(of: SymbolID(index: 65_535)) == "S65535")
  }
}

@Suite struct CodeTableTests {
  @Test func absentIsNoEntryAndTheFirstCodeIsOne() throws {
    let table = CodeTable()
    #expect(try table.intern("V") == CodeID(index: 1))
    #expect(try table.intern(#"["@","I"]"#) == CodeID(index: 2))
    #expect(try table.intern("V") == CodeID(index: 1))
    #expect(table.text(of: CodeID(index: 2)) == #"["@","I"]"#)
    #expect(table.text(of: .absent) == "")
    #expect(table.withBytes(of: .absent) { $0.byteCount } == 0)
  }

  @Test func codesThatAreEmptyTooLongOrNotUTF8AreRefused() {
    let table = CodeTable()
    let long = [UInt8](repeating: 0x41, count: MarketDataLimits.codeBytesMax + 1)
    for bytes in [
      [], long, [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82],
    ] {
      #expect(throws: MarketDataError.codeMalformed) { try table.intern(bytes.span.bytes) }
    }
  }

  @Test func fullTableRefusesNewCodes() throws {
    let table = CodeTable()
    for number in 0..<MarketDataLimits.codesMax { _ = try table.intern("c\(number)") }
    #expect(throws: MarketDataError.codesFull) { try table.intern("new") }
    #expect(try table.intern("c4095") == CodeID(index: 4_096))
  }
}
