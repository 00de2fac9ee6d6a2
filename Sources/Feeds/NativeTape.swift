// The native tape: newline-delimited JSON, one message a line exactly as the stream carries it,
// plain or gzip; `NativeDecoder` says what is read of them. A line's position is its ordinal. Where the
// lines of a recording have numbers, a hole in them is counted; it changes nothing else.

import MarketData

public final class NativeTape: FeedSource {
  public let context: FeedContext
  public var name: String { lines.path }
  private let lines: LineReader
  private let decoder: NativeDecoder
  private var chains = EventChains()

  public init(path: String, context: FeedContext) throws(FeedsError) {
    self.context = context
    decoder = NativeDecoder(context: context)
    lines = try LineReader(path: path, context: context)
  }

  public func next() throws(FeedsError) -> FeedItem? {
    while let line = try lines.next() {
      guard !line.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) else { continue }
      do throws(LineError) {
        guard let item = try decoder.item(line, position: lines.lineNumber) else { continue }
        if item.event.isInTradeChain, NativeTape.isNumbered(line),
          chains.next(item.event.symbol, line) == .missing
        {
          context.counters.gaps += 1
        }
        return item
      } catch {
        lines.noteMalformed(error.description)
      }
    }
    return nil
  }

  public func rewind() throws(FeedsError) {
    try lines.rewind()
    decoder.reset()
    chains = EventChains()
  }

  /// `{"E":...`: how a gateway of ours begins its messages.
  private static func isNumbered(_ line: UnsafeRawBufferPointer) -> Bool {
    line.count > 4 && line[0] == UInt8(ascii: "{") && line[1] == UInt8(ascii: "\"")
      && line[2] == UInt8(ascii: "E") && line[3] == UInt8(ascii: "\"")
  }
}
