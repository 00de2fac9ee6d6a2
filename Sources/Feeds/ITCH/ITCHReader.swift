// The messages of an ITCH file in one fixed buffer, without an allocation per message.
//
// A file is frames: two bytes of length, then a message that begins with its type. A known type with
// a length that is not its own is counted, reported with its place and skipped by its frame, and so
// are types that are not published. If no message follows where the frame ends, its length itself is
// damaged: the next place where messages follow each other is looked for, and the bytes before it are
// reported. A length of 0 ends a session, as a rule the file. A last message that the file does not
// hold wholly was cut off: it is reported and left out. Belongs to the thread that pulls.

import Glibc
import MarketData
import OrderBooks

final class ITCHReader {
  /// From 1: the message that `next()` gave last.
  private(set) var messageNumber: UInt64 = 0
  /// Where its length begins, counted in inflated bytes.
  private(set) var byteOffset: UInt64 = 0
  private let file: TapeFile
  private let context: FeedContext
  private let buffer: UnsafeMutableRawBufferPointer
  private var start = 0
  private var end = 0
  /// Of the frame at `start`.
  private var startOffset: UInt64 = 0
  /// The file has given all that it has.
  private var isRead = false
  private var hasEnded = false

  var path: String { file.path }

  init(path: String, context: FeedContext) throws(FeedsError) {
    file = try TapeFile(path: path)
    self.context = context
    buffer = .allocate(
      byteCount: Limits.itchFrameBytesMax + ITCHReader.aheadBytes + Limits.textChunkBytes,
      alignment: 16)
  }

  deinit { buffer.deallocate() }

  /// What is looked at behind a frame before it is judged: four of the longest messages.
  private static let aheadBytes = 4 * 52
  private static let framesAhead = 4
  /// A longer frame is not believed to be one of a type to come: published ones have 12 to 50 bytes,
  /// and one jump in thirty lands at the begin of a message by chance.
  private static let lengthMax = 255

  /// The next message; nil at the end of the file. It stays until the next call.
  func next() throws(FeedsError) -> ITCHFrame? {
    while !hasEnded {
      try hold(64)
      byteOffset = startOffset
      let left = end - start
      guard left >= 2 else { return finish() }
      let length = length(at: start)
      guard isMessage(at: start) else {
        if length == 0, left == 2 {
          hasEnded = true
          return nil
        }
        try skip(length)
        continue
      }
      guard left >= 2 + length else { return finish() }
      let message = UnsafeRawBufferPointer(rebasing: buffer[start + 2..<start + 2 + length])
      advance(2 + length)
      count()
      return ITCHFrame(message)
    }
    return nil
  }

  func rewind() throws(FeedsError) {
    try file.rewind()
    (start, end, startOffset, messageNumber, byteOffset) = (0, 0, 0, 0, 0)
    (isRead, hasEnded) = (false, false)
  }

  /// Reports what is wrong with the message given last.
  func note(_ reason: @autoclosure () -> String) {
    context.note(source: path, byteOffset: byteOffset, reason: reason())
  }

  // MARK: - Frames

  private func length(at index: Int) -> Int {
    Int(buffer[index]) << 8 | Int(buffer[index + 1])
  }

  /// Whether a known type with its own length begins here.
  private func isMessage(at index: Int) -> Bool {
    index + 3 <= end && ITCHFrame.length(of: buffer[index + 2]) == length(at: index)
  }

  private func advance(_ count: Int) {
    start += count
    startOffset += UInt64(count)
  }

  private func count() {
    messageNumber += 1
    context.counters.lines += 1
  }

  /// Leaves out what begins at `start` and is no message.
  private func skip(_ length: Int) throws(FeedsError) {
    try hold(2 + length + ITCHReader.aheadBytes)
    if length > 0 {
      count()
      report(length)
    }
    if length <= ITCHReader.lengthMax, isFraming(start + 2 + length) {
      if length == 0 { note("messages follow the end of a session") }
      return advance(2 + length)
    }
    // Two in a row: one by chance begins in every few thousand bytes of noise.
    let candidates = start + 1..<max(start + 1, end - 2)
    let found = candidates.first { index in
      isMessage(at: index)
        && (isMessage(at: index + 2 + self.length(at: index))
          || (isRead && index + 2 + self.length(at: index) == end))
    }
    // Where there is none, its first bytes may be the last here.
    let next = found ?? (isRead ? end : max(start + 1, end - 2))
    note("\(next - start) bytes are no messages")
    advance(next - start)
  }

  private func report(_ length: Int) {
    let type = start + 2 < end ? buffer[start + 2] : 0
    if let own = ITCHFrame.length(of: type) {
      context.counters.malformedLines += 1
      note(
        "a message of type \(Character(UnicodeScalar(type))) has \(own) bytes, this one \(length)")
    } else {
      context.counters.skippedMessages += 1
      note("there is no message of type \(type)")
    }
  }

  /// Whether frames go on from here: one of the next is a message, or they end with the file.
  private func isFraming(_ index: Int) -> Bool {
    var index = index
    for _ in 0..<ITCHReader.framesAhead {
      if isMessage(at: index) || (isRead && index == end) { return true }
      guard index + 2 <= end, length(at: index) <= ITCHReader.lengthMax else { return false }
      index += 2 + length(at: index)
    }
    return false
  }

  // MARK: - Bytes

  /// Holds this many bytes from `start` on, if the file has them.
  private func hold(_ count: Int) throws(FeedsError) {
    while end - start < count, !isRead {
      if start > 0 {
        memmove(buffer.baseAddress!, buffer.baseAddress! + start, end - start)
        end -= start
        start = 0
      }
      let got = try file.read(into: .init(rebasing: buffer[end...]))
      end += got
      isRead = got == 0
    }
  }

  /// At the end of what there is.
  private func finish() -> ITCHFrame? {
    hasEnded = true
    if let damage = file.damage {
      context.counters.damagedFiles += 1
      note(damage + "; the rest is not read")
    } else if end > start {
      context.counters.malformedLines += 1
      note("the last message is cut off")
    }
    return nil
  }
}
