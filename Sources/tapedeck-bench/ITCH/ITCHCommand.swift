import ArgumentParser
import Feeds
import Glibc
import MarketData
import OrderBooks

/// What ITCH messages cost: to parse, to build books of, to make events of, to encode.
struct ITCHCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "itch",
    abstract: "ITCH messages a second: parsed, built into books, shown and encoded.")

  @Option(help: "Messages of the made-up day.") var messages = 20_000_000
  @Option(help: "Its stocks, 1 to 65,535.") var stocks = 500
  @Option(help: "Its seed.") var seed: UInt64 = 7
  @Option(help: "Repetitions; the fastest is told.") var runs = 3
  @Option(
    help: ArgumentHelp(
      "Change only this many of the youngest orders, as a real day mostly does (default: all).",
      valueName: "orders"))
  var youngest: Int = .max
  @Option(
    help: ArgumentHelp("Keep the file that is made, under this name.", valueName: "file"))
  var out: String?
  @Flag(help: "Leave out events and encoding, which take a minute for 20 million messages.")
  var booksOnly = false

  func validate() throws {
    guard messages > 0, 1...65_535 ~= stocks, runs > 0, youngest > 0 else {
      throw ValidationError("counts are positive, and stocks at most 65,535")
    }
  }

  func run() throws {
    let path = out ?? "/tmp/tapedeck-bench-\(getpid()).itch"
    defer { if out == nil { unlink(path) } }
    let size = try generate(path)
    print("\(messages) messages, \(size) bytes, \(stocks) stocks, seed \(seed)")
    try measureBuffers(path, size)
    guard !booksOnly else { return }
    try measureFeed(path, size, encodes: false)
    try measureFeed(path, size, encodes: true)
  }

  private func generate(_ path: String) throws -> Int {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure(path) }
    defer { close(descriptor) }
    var load = ITCHLoad(stocks: stocks, seed: seed, youngest: youngest)
    var size = 0
    while load.writer.messages < messages {
      while load.writer.messages < messages, load.writer.bytes.count < 1 << 20 {
        load.appendMessage()
      }
      try load.writer.bytes.withUnsafeBytes { bytes in
        var rest = bytes[...]
        while !rest.isEmpty {
          let count = write(
            descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress!, rest.count)
          guard count > 0 else { throw failure(path) }
          rest = rest.dropFirst(count)
        }
        size += bytes.count
      }
      load.writer.bytes.removeAll()
    }
    return size
  }

  private func failure(_ path: String) -> ValidationError {
    ValidationError("\(path): \(String(cString: strerror(errno)))")
  }

  // MARK: - In memory

  private func measureBuffers(_ path: String, _ size: Int) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0,
      let memory = mmap(nil, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, descriptor, 0),
      memory != MAP_FAILED
    else { throw failure(path) }
    defer {
      munmap(memory, size)
      close(descriptor)
    }
    let buffer = UnsafeRawBufferPointer(start: memory, count: size)
    report("parse", size, best { measureParsing(buffer) })
    var footprint = ""
    report("parse + book", size, best { measureBooks(buffer, &footprint) })
    print(footprint)
  }

  private func measureParsing(_ buffer: UnsafeRawBufferPointer) -> Cost {
    var tally = ITCHTally()
    let start = Cost.now()
    _ = tally.consume(buffer)
    let cost = Cost.now() - start
    precondition(tally.counters.messages == messages && tally.counters.wrongLengths == 0)
    return cost
  }

  private func measureBooks(_ buffer: UnsafeRawBufferPointer, _ footprint: inout String) -> Cost {
    var builder = ITCHBookBuilder()
    let start = Cost.now()
    _ = builder.consume(buffer)
    let cost = Cost.now() - start
    precondition(builder.books.faults.sum == 0, "the day holds something impossible")
    let orders = builder.books.orderCount
    footprint =
      "\(orders) orders rest at the end, in \(builder.books.byteCount) bytes: "
      + "\(tenths(Double(builder.books.byteCount) / Double(max(1, orders)))) each, levels included"
    return cost
  }

  // MARK: - As a feed

  /// The whole way of a tape: read from the file, books, an event for each change of touch or depth
  /// and for each trade; and each of them as the JSON that clients get.
  private func measureFeed(_ path: String, _ size: Int, encodes: Bool) throws {
    let context = FeedContext()
    let feed = try FeedArgument(parsing: path).open(context: context)
    var writer = ByteWriter(capacity: 4_096)
    var bytes = 0
    let start = Cost.now()
    while let item = try feed.next() {
      guard encodes else { continue }
      encode(item, context, &writer)
      bytes += writer.count
      writer.removeAll()
    }
    let cost = Cost.now() - start
    report(encodes ? "parse + book + encode" : "parse + book + events", size, cost)
    if encodes { print("\(context.counters.events) events, \(bytes) bytes of JSON") }
  }

  private func encode(_ item: FeedItem, _ context: FeedContext, _ writer: inout ByteWriter) {
    let sequence = SequenceNumber(epoch: 1, number: item.position)
    let (symbols, codes) = (context.symbols, context.codes)
    switch item.event {
    case .trade(let trade):
      WireJSON.encodeTrade(
        trade, sequence: sequence, previous: sequence, symbols: symbols, codes: codes,
        into: &writer)
    case .quote(let quote):
      WireJSON.encodeQuote(
        quote, sequence: sequence, symbols: symbols, codes: codes, into: &writer)
    case .depth(let depth):
      WireJSON.encodeDepth(depth, sequence: sequence, symbols: symbols, into: &writer)
    case .status(let status):
      WireJSON.encodeStatus(
        status, sequence: sequence, symbols: symbols, codes: codes, into: &writer)
    default: break  // a made-up day has no others
    }
  }

  // MARK: - Figures

  private func best(_ measure: () -> Cost) -> Cost {
    (0..<runs).map { _ in measure() }.min { $0.cpu < $1.cpu }!
  }

  private func report(_ name: String, _ size: Int, _ cost: Cost) {
    let padding = String(repeating: " ", count: max(1, 24 - name.count))
    let rate = Double(messages) * 1_000 / Double(cost.cpu)
    let wall = Double(messages) * 1_000 / Double(cost.wall)
    let bytes = Double(size) / Double(cost.cpu)
    print(
      "\(name)\(padding)\(tenths(rate)) M messages/s, \(tenths(bytes)) GB/s "
        + "of CPU time (\(tenths(wall)) M/s on the clock)")
  }

  private func tenths(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }

  private struct Cost {
    var cpu: UInt64
    var wall: UInt64

    static func now() -> Cost {
      func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
      }
      return Cost(cpu: read(CLOCK_THREAD_CPUTIME_ID), wall: read(CLOCK_MONOTONIC))
    }

    static func - (a: Cost, b: Cost) -> Cost { Cost(cpu: a.cpu - b.cpu, wall: a.wall - b.wall) }
  }
}
