// What every recorder does: lines into the tape, a flush each second, an account of it all.
//
// It belongs to the loop's thread; writes block that loop, which does nothing else. A tape that cannot
// be written any more ends the recording: `onFailure` is told once, and what comes later is dropped.
package import EventLoops
package import Feeds
package import MarketData

package final class RecordingSession {
  /// How a recording stands.
  package struct Account: Sendable {
    package var path: String
    package var files: Int
    package var messages: UInt64
    package var fileBytes: UInt64
    package var symbols: Int
    /// Messages that are no JSON objects.
    package var malformed: UInt64
    package var milliseconds: UInt64
    /// Whether messages can come now.
    package var isLive: Bool
  }

  package var onFailure: ((FeedsError) -> Void)?
  /// Each second, after the flush.
  package var onSecond: ((Account) -> Void)?
  package var isLive = false

  private let loop: EventLoop
  private let tape: RecordingTape
  private let symbols = SymbolTable()
  /// Had a message since the source came up: those that its end makes stale.
  private var isHeld: [Bool] = []
  private var malformed: UInt64 = 0
  private let startedAt: UInt64
  private var timer: LoopTimer?
  private var hasFailed = false

  /// Opens the tape.
  package init(
    loop: EventLoop, path: String, rotation: RecordingRotation
  ) throws(FeedsError) {
    self.loop = loop
    startedAt = loop.nowMilliseconds
    tape = try RecordingTape(path: path, rotation: rotation, nowMilliseconds: startedAt)
    let timer = LoopTimer(loop: loop) { [unowned self] in second() }
    timer.start(
      afterMilliseconds: RecordingLimits.flushMilliseconds,
      repeatingMilliseconds: RecordingLimits.flushMilliseconds)
    self.timer = timer
  }

  package var account: Account {
    Account(
      path: tape.path, files: tape.files, messages: tape.lines, fileBytes: tape.fileBytes,
      symbols: symbols.count, malformed: malformed, milliseconds: loop.nowMilliseconds - startedAt,
      isLive: isLive)
  }

  /// A message as it came. Anything but one JSON object is counted and left out.
  package func record(_ json: UnsafeRawBufferPointer) {
    guard !hasFailed else { return }
    do {
      let symbol = try RecordingSession.symbol(json)
      if let symbol, let id = try? symbols.intern(symbol.raw) {
        while isHeld.count <= Int(id.index) { isHeld.append(false) }
        isHeld[Int(id.index)] = true
      }
    } catch {
      malformed += 1
      return
    }
    write(json)
  }

  /// The source is gone: whoever plays the tape shall not take the last prices for live ones.
  package func markStale(since: Timestamp) {
    var line = ByteWriter(capacity: 128)
    for index in isHeld.indices where isHeld[index] {
      isHeld[index] = false
      line.removeAll()
      line.append("{\"T\":\"stale\",\"S\":\"")
      symbols.withBytes(of: SymbolID(index: UInt32(index))) { line.append($0) }
      line.append("\",\"since\":\"")
      line.append(since)
      line.append("\"}")
      line.withUnsafeBytes { write($0) }
    }
  }

  /// Ends the tape, once. Throws when the rest cannot be written; what was flushed is kept.
  package func close() throws(FeedsError) {
    timer?.close()
    timer = nil
    guard !hasFailed else { return }
    hasFailed = true
    try tape.finish()
  }

  /// Nothing was recorded, and nothing will be.
  package func discard() {
    timer?.close()
    timer = nil
    hasFailed = true
    tape.discard()
  }

  private func second() {
    guard !hasFailed else { return }
    do {
      try tape.flush(nowMilliseconds: loop.nowMilliseconds)
      onSecond?(account)
    } catch {
      fail(error)
    }
  }

  private func write(_ line: UnsafeRawBufferPointer) {
    guard !hasFailed else { return }
    do {
      try tape.append(line)
    } catch {
      fail(error)
    }
  }

  private func fail(_ error: FeedsError) {
    hasFailed = true
    onFailure?(error)
  }

  /// The symbol of a message; checks that it is one well-formed object.
  private static func symbol(_ json: UnsafeRawBufferPointer) throws(JSONError) -> JSONText? {
    var reader = JSONReader(json)
    var symbol: JSONText?
    try reader.beginObject()
    while let key = try reader.nextKey() {
      if key.equals("S"), try reader.peek() == .string {
        symbol = try reader.string()
      } else {
        try reader.skipValue()
      }
    }
    try reader.end()
    return symbol
  }
}
