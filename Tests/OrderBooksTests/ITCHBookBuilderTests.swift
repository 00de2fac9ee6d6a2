import MarketData
import OrderBooks
import TestSupport
import Testing

/// A little day of some stocks whose messages are possible most of the time.
struct ITCHDay {
  private var random: SplitMix64
  private var reference: UInt64 = 0
  private(set) var operations: [BookModel.Operation] = []
  private(set) var bytes: [UInt8] = []

  init(seed: UInt64, messages: Int) {
    random = SplitMix64(seed: seed)
    var writer = ITCHWriter()
    let stock = ITCHWriter.stock("ABC".utf8)
    for _ in 0..<messages {
      let book = UInt16.random(in: 1...3, using: &random)
      let shares = UInt32.random(in: 1...300, using: &random)
      let price = UInt32.random(in: 1_000...1_030, using: &random)
      let old = UInt64.random(in: 0...reference, using: &random)
      switch Int.random(in: 0..<20, using: &random) {
      case 0..<10:
        reference += 1
        let side: BookSide = Bool.random(using: &random) ? .bid : .ask
        operations.append(.add(reference, book, side, shares, price))
        if shares % 5 == 0 {
          writer.addAttributed(
            book, reference, side, shares: shares, stock: stock, price: price, participant: 1,
            nanoseconds: 5)
        } else {
          writer.add(
            book, reference, side, shares: shares, stock: stock, price: price, nanoseconds: 5)
        }
      case 10..<14:
        operations.append(.delete(old, book))
        writer.delete(book, old, nanoseconds: 5)
      case 14:
        operations.append(.reduce(old, book, shares))
        writer.execute(book, old, shares: shares, match: 1, nanoseconds: 5)
      case 15:
        operations.append(.reduce(old, book, shares))
        writer.executeAtPrice(
          book, old, shares: shares, match: 1, isPrintable: false, price: 1, nanoseconds: 5)
      case 16:
        operations.append(.reduce(old, book, shares))
        writer.cancel(book, old, shares: shares, nanoseconds: 5)
      case 17:
        reference += 1
        operations.append(.replace(old, reference, book, shares, price))
        writer.replace(
          book, old, with: reference, shares: shares, price: price, nanoseconds: 5)
      case 18:
        writer.trade(book, .bid, shares: 5, stock: stock, price: 5, match: 5, nanoseconds: 5)
      default: writer.systemEvent(UInt8(ascii: "Q"), nanoseconds: 5)
      }
    }
    bytes = writer.bytes.withUnsafeBytes { Array($0) }
  }
}

@Suite struct ITCHBookBuilderTests {
  @Test(arguments: seeds(from: 50, count: 4)) func aFilesBooksAreTheModels(seed: UInt64) throws {
    let day = ITCHDay(seed: seed, messages: 4_000)
    var model = BookModel(ordersMax: .max, levelsMax: .max)
    var faults: [BookFault: UInt64] = [:]
    for operation in day.operations {
      if let fault = model.apply(operation) { faults[fault, default: 0] += 1 }
    }
    var builder = ITCHBookBuilder()
    let consumed = day.bytes.withUnsafeBytes { builder.consume($0) }
    #expect(consumed == day.bytes.count && builder.counters.messages == 4_000)
    #expect(builder.books.orderCount == model.orders.count)
    for fault in BookFault.allCases {
      #expect(builder.books.faults[fault] == faults[fault, default: 0], "seed \(seed) \(fault)")
    }
    for book in 1...3 as ClosedRange<UInt16> {
      for side in BookSide.allCases {
        let (found, wanted) = (builder.books.levels(book, side), model.levels(book, side))
        try #require(found.map(\.price) == wanted.map(\.price), "seed \(seed)")
        try #require(found.map { UInt64($0.size) } == wanted.map(\.size), "seed \(seed)")
      }
    }
  }

  // Wherever a file is cut into buffers, the books are the same.
  @Test(arguments: seeds(from: 60, count: 4)) func piecesGiveWhatTheWholeGives(seed: UInt64) {
    let day = ITCHDay(seed: seed, messages: 1_000)
    var whole = ITCHBookBuilder()
    var tally = ITCHTally()
    _ = day.bytes.withUnsafeBytes { whole.consume($0) }
    _ = day.bytes.withUnsafeBytes { tally.consume($0) }
    var pieces = ITCHBookBuilder()
    var tallied = ITCHTally()
    var random = SplitMix64(seed: seed)
    var start = 0
    var end = 0
    while start < day.bytes.count {
      end = min(day.bytes.count, end + Int.random(in: 1...200, using: &random))
      // A buffer of its own size, so that reading on would be found.
      let piece = Array(day.bytes[start..<end])
      let consumed = piece.withUnsafeBytes { pieces.consume($0) }
      #expect(piece.withUnsafeBytes { tallied.consume($0) } == consumed)
      start += consumed
    }
    #expect(pieces.counters == whole.counters && tallied == tally)
    #expect(pieces.books.orderCount == whole.books.orderCount)
    for book in 1...3 as ClosedRange<UInt16> {
      #expect(pieces.books.text(book) == whole.books.text(book))
    }
  }

  @Test func wrongLengthsAndUnknownTypesAreSkippedByTheirFrame() {
    var bytes = ITCHGolden.add
    bytes += [0, 2, UInt8(ascii: "A"), 0]
    bytes += [0, 3, UInt8(ascii: "z"), 0, 0]
    bytes += ITCHGolden.delete.enumerated().map { $0 == 1 ? 20 : $1 } + [0]
    bytes += [0, 0]
    bytes += ITCHGolden.execute
    bytes += ITCHGolden.cancel.dropLast()
    var builder = ITCHBookBuilder()
    let consumed = bytes.withUnsafeBytes { builder.consume($0) }
    #expect(consumed == bytes.count - ITCHGolden.cancel.count + 1)
    #expect(builder.counters.messages == 6)
    #expect(builder.counters.wrongLengths == 2 && builder.counters.unknownTypes == 2)
    #expect(builder.books.faults.sum == 0)
    #expect(builder.books.text(258) == "1899700x93|")
  }

  // Bytes of any kind: nothing traps, nothing is read beyond the end, the books stay whole.
  @Test(arguments: seeds(from: 70, count: 6)) func anyBytesLeaveTheBooksConsistent(
    seed: UInt64
  ) throws {
    var random = SplitMix64(seed: seed)
    for round in 0..<40 {
      var bytes = round % 2 == 0 ? ITCHDay(seed: random.next(), messages: 200).bytes : []
      if round % 2 == 1 {
        bytes = (0..<4_000).map { _ in UInt8.random(in: 0...255, using: &random) }
      } else {
        for _ in 0..<Int.random(in: 1...60, using: &random) {
          bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
            in: 0...255, using: &random)
        }
        bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
      }
      // On the heap with its exact size: an address sanitizer sees one byte too far.
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
      defer { memory.deallocate() }
      memory.copyBytes(from: bytes)
      var builder = ITCHBookBuilder(ordersMax: 500, levelsMax: 50)
      var tally = ITCHTally()
      let consumed = builder.consume(UnsafeRawBufferPointer(memory))
      try #require(consumed <= bytes.count, "seed \(seed) round \(round)")
      #expect(tally.consume(UnsafeRawBufferPointer(memory)) == consumed)
      var orders = 0
      // All that a frame could name, now and then; it takes a while.
      for book in 0...(round % 20 < 2 ? UInt16.max : 300) {
        for side in BookSide.allCases where builder.books.levelCount(book, side) > 0 {
          let levels = builder.books.levels(book, side)
          orders += levels.count
          try #require(levels.allSatisfy { $0.size > 0 }, "seed \(seed) round \(round)")
          let prices = levels.map(\.price)
          let sorted = side == .bid ? prices.sorted(by: >) : prices.sorted()
          try #require(prices == sorted && Set(prices).count == prices.count)
        }
      }
      try #require(orders <= builder.books.orderCount, "seed \(seed) round \(round)")
    }
  }
}
