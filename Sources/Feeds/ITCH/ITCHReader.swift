// The messages of an ITCH file in one fixed buffer, without an allocation per message.
//
// A file is frames: two bytes of length, then a message that begins with its type; 0 as a length ends
// the session and what follows is not read. A known type with a length that is not its own is counted,
// reported with its place and skipped by its frame, so that reading goes on with the next; so are types
// that are not published. A last frame that the file does not hold wholly was cut off: it is reported
// and left out. Belongs to the thread that pulls.

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
  private var hasEnded = false

  var path: String { file.path }

  init(path: String, context: FeedContext) throws(FeedsError) {
    file = try TapeFile(path: path)
    self.context = context
    buffer = .allocate(
      byteCount: Limits.itchFrameBytesMax + Limits.textChunkBytes, alignment: 16)
  }

  deinit { buffer.deallocate() }

  /// The next message; nil at the end of the file. It stays until the next call.
  func next() throws(FeedsError) -> ITCHFrame? {
    while true {
      guard let message = try nextMessage() else { return nil }
      messageNumber += 1
      context.counters.lines += 1
      if let frame = ITCHFrame(message) { return frame }
      guard let type = message.first, let length = ITCHFrame.length(of: type) else {
        context.counters.skippedMessages += 1
        note("there is no message of type \(message.first ?? 0)")
        continue
      }
      context.counters.malformedLines += 1
      note(
        "a message of type \(Character(UnicodeScalar(type))) has \(length) bytes, "
          + "this one \(message.count)")
    }
  }

  func rewind() throws(FeedsError) {
    try file.rewind()
    (start, end, startOffset, messageNumber, byteOffset) = (0, 0, 0, 0, 0)
    hasEnded = false
  }

  /// Reports what is wrong with the message given last.
  func note(_ reason: @autoclosure () -> String) {
    context.note(source: path, byteOffset: byteOffset, reason: reason())
  }

  private func nextMessage() throws(FeedsError) -> UnsafeRawBufferPointer? {
    while !hasEnded {
      let left = end - start
      if left >= 2 {
        let length = Int(buffer[start]) << 8 | Int(buffer[start + 1])
        byteOffset = startOffset
        guard length > 0 else {
          hasEnded = true
          return nil
        }
        if left >= 2 + length {
          let message = UnsafeRawBufferPointer(
            rebasing: buffer[start + 2..<start + 2 + length])
          start += 2 + length
          startOffset += UInt64(2 + length)
          return message
        }
      }
      try fill()
    }
    return nil
  }

  private func fill() throws(FeedsError) {
    if start > 0 {
      memmove(buffer.baseAddress!, buffer.baseAddress! + start, end - start)
      end -= start
      start = 0
    }
    let count = try file.read(into: .init(rebasing: buffer[end...]))
    end += count
    guard count == 0 else { return }
    hasEnded = true
    byteOffset = startOffset
    if let damage = file.damage {
      context.counters.damagedFiles += 1
      note(damage + "; the rest is not read")
    } else if end > start {
      context.counters.malformedLines += 1
      note("the last message is cut off")
    }
  }
}
