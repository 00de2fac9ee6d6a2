// Writes a native tape: a line an event, as the stream carries it without `E`, `N` and `P`, which
// belong to a play and not to the tape. A path that ends with `.gz` is compressed, with no time in
// its header: equal events give equal files.
//
// The file appears under its name only when it is finished; until then it is `<path>.partial`,
// which is removed if the writer goes away unfinished. Belongs to one thread; writes block.

import Glibc
public import MarketData

public final class TapeWriter {
  public let path: String
  public private(set) var lines: UInt64 = 0
  private let context: FeedContext
  private let output: TapeOutput
  private var line = ByteWriter(capacity: 4_096)

  /// - Parameter context: gives the events' symbols and codes their texts.
  public init(path: String, context: FeedContext) throws(FeedsError) {
    self.path = path
    self.context = context
    output = try TapeOutput(
      path: path + ".partial", for: path, replaces: true,
      compressionLevel: path.hasSuffix(".gz") ? 9 : nil)
  }

  deinit {
    if output.isOpen {
      output.close()
      unlink(output.path)
    }
  }

  public func append(_ event: FeedEvent) throws(FeedsError) {
    precondition(output.isOpen, "the tape is finished")
    encode(event)
    lines += 1
    if output.heldBytes >= Limits.writerChunkBytes { try output.drain(.more) }
  }

  /// Writes bytes that are no line of ours, and empties them: another format, the same file.
  func append(raw bytes: inout ByteWriter) throws(FeedsError) {
    precondition(output.isOpen, "the tape is finished")
    bytes.withUnsafeBytes { output.append($0) }
    bytes.removeAll()
    try output.drain(.more)
  }

  /// Writes what is left, syncs the file and gives it its name.
  public func finish() throws(FeedsError) {
    precondition(output.isOpen, "the tape is finished")
    try output.drain(.last)
    try output.sync()
    guard rename(output.path, path) == 0 else { throw output.failure() }
    output.close()
  }

  private func encode(_ event: FeedEvent) {
    line.removeAll()
    switch event {
    case .trade(let trade):
      WireJSON.encodeTrade(
        trade, sequence: .zero, previous: .zero, symbols: context.symbols, codes: context.codes,
        into: &line)
    case .quote(let quote):
      WireJSON.encodeQuote(
        quote, sequence: .zero, symbols: context.symbols, codes: context.codes, into: &line)
    case .depth(let depth):
      WireJSON.encodeDepth(depth, sequence: .zero, symbols: context.symbols, into: &line)
    case .bar(let bar, let kind):
      WireJSON.encodeBar(
        bar, kind: kind, sequence: .zero, previous: nil, symbols: context.symbols, into: &line)
    case .status(let status):
      WireJSON.encodeStatus(
        status, sequence: .zero, symbols: context.symbols, codes: context.codes, into: &line)
    case .cancel(let cancel):
      WireJSON.encodeCancel(
        cancel, sequence: .zero, previous: .zero, symbols: context.symbols, codes: context.codes,
        into: &line)
    case .correction(let correction):
      WireJSON.encodeCorrection(
        correction, sequence: .zero, previous: .zero, symbols: context.symbols,
        codes: context.codes, into: &line)
    case .stale(let symbol, let since):
      WireJSON.encodeStale(
        symbol, since: since, sequence: .zero, symbols: context.symbols, into: &line)
    }
    output.append(UInt8(ascii: "{"))
    line.withUnsafeBytes { bytes in
      // Before "T" stand only E, N and P, whose values are digits.
      let start = bytes.indices.dropLast().first {
        bytes[$0] == UInt8(ascii: "\"") && bytes[$0 + 1] == UInt8(ascii: "T")
      }
      output.append(UnsafeRawBufferPointer(rebasing: bytes[start!...]))
    }
    output.append(UInt8(ascii: "\n"))
  }
}
