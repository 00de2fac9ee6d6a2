import MarketData
import OrderBooks
import Testing

@Suite struct ITCHFrameTests {
  private let nanoseconds: UInt64 = 34_200_000_000_001
  private let stock = ITCHWriter.stock("AAPL".utf8)

  private func read(_ bytes: [UInt8], _ body: (ITCHFrame) -> Void) throws {
    try bytes.withUnsafeBytes { bytes in
      #expect(Int(bytes[0]) << 8 | Int(bytes[1]) == bytes.count - 2)
      body(try #require(ITCHFrame(UnsafeRawBufferPointer(rebasing: bytes[2...]))))
    }
  }

  private func text(_ bytes: UnsafeRawBufferPointer) -> String {
    String(decoding: bytes, as: UTF8.self)
  }

  @Test func everyFieldOfAnOrderMessageLiesWhereItIsPublished() throws {
    try read(ITCHGolden.add) { frame in
      #expect(frame.type == UInt8(ascii: "A") && frame.locate == 258)
      #expect(frame.timestamp == nanoseconds && frame.reference == 5)
      #expect(frame.side == UInt8(ascii: "B") && frame.shares == 100)
      #expect(text(frame.stock) == "AAPL    " && frame.price == 1_899_700)
    }
    try read(ITCHGolden.attributed) { frame in
      #expect(frame.reference == 6 && frame.side == UInt8(ascii: "S") && frame.shares == 10)
      #expect(frame.price == 1_899_700)
    }
    try read(ITCHGolden.execute) { frame in
      #expect(frame.reference == 5 && frame.reducedShares == 7 && frame.matchNumber == 777)
    }
    try read(ITCHGolden.executeAtPrice) { frame in
      #expect(frame.reference == 5 && frame.reducedShares == 7 && frame.matchNumber == 778)
      #expect(frame.printable == UInt8(ascii: "Y") && frame.executionPrice == 1_899_700)
    }
    try read(ITCHGolden.cancel) { #expect($0.reference == 5 && $0.reducedShares == 1) }
    try read(ITCHGolden.delete) { #expect($0.reference == .max - 1 && $0.locate == 258) }
    try read(ITCHGolden.replace) { frame in
      #expect(frame.reference == 5 && frame.newReference == 7)
      #expect(frame.newShares == 200 && frame.newPrice == 1_899_800)
    }
  }

  @Test func everyFieldOfOtherMessagesLiesWhereItIsPublished() throws {
    try read(ITCHGolden.trade) { frame in
      #expect(frame.shares == 100 && frame.price == 1_899_700 && frame.tradeMatchNumber == 779)
      #expect(text(frame.stock) == "AAPL    ")
    }
    try read(ITCHGolden.cross) { frame in
      #expect(frame.crossShares == 1 << 32 && text(frame.crossStock) == "AAPL    ")
      #expect(frame.crossPrice == 1_899_700 && frame.crossMatchNumber == 780)
      #expect(frame.crossType == UInt8(ascii: "O"))
    }
    try read(ITCHGolden.broken) { #expect($0.brokenMatchNumber == 777) }
    try read(ITCHGolden.event) { frame in
      #expect(frame.locate == 0 && frame.timestamp == nanoseconds)
      #expect(frame.eventCode == UInt8(ascii: "Q"))
    }
    try read(ITCHGolden.directory) { frame in
      #expect(text(frame.administeredStock) == "AAPL    " && frame.roundLot == 100)
      #expect(frame.marketCategory == UInt8(ascii: "Q"))
    }
    try read(ITCHGolden.halt) { frame in
      #expect(frame.tradingState == UInt8(ascii: "H") && text(frame.tradingReason) == "T1  ")
    }
  }

  @Test func theWriterWritesThePublishedBytes() {
    var writer = ITCHWriter()
    func expect(_ expected: [UInt8], _ write: (inout ITCHWriter) -> Void) {
      write(&writer)
      #expect(writer.bytes.withUnsafeBytes { Array($0) } == expected)
      writer.bytes.removeAll()
    }
    let time = nanoseconds
    expect(ITCHGolden.add) {
      $0.add(258, 5, .bid, shares: 100, stock: stock, price: 1_899_700, nanoseconds: time)
    }
    expect(ITCHGolden.attributed) {
      $0.addAttributed(
        258, 6, .ask, shares: 10, stock: stock, price: 1_899_700, participant: 0x4E53_4451,
        nanoseconds: time)
    }
    expect(ITCHGolden.execute) { $0.execute(258, 5, shares: 7, match: 777, nanoseconds: time) }
    expect(ITCHGolden.executeAtPrice) {
      $0.executeAtPrice(
        258, 5, shares: 7, match: 778, isPrintable: true, price: 1_899_700, nanoseconds: time)
    }
    expect(ITCHGolden.cancel) { $0.cancel(258, 5, shares: 1, nanoseconds: time) }
    expect(ITCHGolden.delete) { $0.delete(258, .max - 1, nanoseconds: time) }
    expect(ITCHGolden.replace) {
      $0.replace(258, 5, with: 7, shares: 200, price: 1_899_800, nanoseconds: time)
    }
    expect(ITCHGolden.trade) {
      $0.trade(
        258, .bid, shares: 100, stock: stock, price: 1_899_700, match: 779, nanoseconds: time)
    }
    expect(ITCHGolden.cross) {
      $0.cross(
        258, shares: 1 << 32, stock: stock, price: 1_899_700, match: 780,
        type: UInt8(ascii: "O"), nanoseconds: time)
    }
    expect(ITCHGolden.broken) { $0.brokenTrade(258, match: 777, nanoseconds: time) }
    expect(ITCHGolden.event) { $0.systemEvent(UInt8(ascii: "Q"), nanoseconds: time) }
    expect(ITCHGolden.directory) {
      $0.directory(258, stock: stock, marketCategory: UInt8(ascii: "Q"), nanoseconds: time)
    }
    expect(ITCHGolden.halt) {
      $0.tradingAction(
        258, stock: stock, state: UInt8(ascii: "H"), reason: 0x5431_2020, nanoseconds: time)
    }
    #expect(writer.messages == 13)
  }

  // The lengths of the specification, by type.
  @Test func everyPublishedTypeHasItsLength() {
    let lengths: [Character: Int] = [
      "S": 12, "R": 39, "H": 25, "Y": 20, "L": 26, "V": 35, "W": 12, "K": 28, "J": 35, "h": 21,
      "A": 36, "F": 40, "E": 31, "C": 36, "X": 23, "D": 19, "U": 35, "P": 44, "Q": 40, "B": 19,
      "I": 50, "N": 20, "O": 48,
    ]
    for type in UInt8.min...UInt8.max {
      #expect(ITCHFrame.length(of: type) == lengths[Character(UnicodeScalar(type))])
    }
  }

  @Test func aMessageOfAnotherLengthIsNone() {
    for golden in ITCHGolden.all {
      for change in [-1, 1] {
        let bytes = Array(golden[2...]) + [0]
        bytes.withUnsafeBytes { bytes in
          let count = golden.count - 2 + change
          #expect(ITCHFrame(UnsafeRawBufferPointer(rebasing: bytes[..<count])) == nil)
        }
      }
    }
    #expect(ITCHFrame(UnsafeRawBufferPointer(start: nil, count: 0)) == nil)
  }
}
