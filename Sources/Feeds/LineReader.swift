// The lines of a tape in one fixed buffer, without an allocation per line.
//
// A line is at most `Limits.lineBytesMax` long; a longer one is reported, counted and skipped
// without ever being held. Lines end with LF or CR LF; the last needs no end, unless the file was
// damaged: then a last line without its end is dropped, because it was cut.

import Glibc
import MarketData

final class LineReader {
  /// From 1: the line that `next()` gave last.
  private(set) var lineNumber: UInt64 = 0
  private let file: TapeFile
  private let context: FeedContext
  private let buffer: UnsafeMutableRawBufferPointer
  private var start = 0
  private var scanned = 0
  private var end = 0
  private var isSkipping = false
  private var hasEnded = false

  var path: String { file.path }

  init(path: String, context: FeedContext) throws(FeedsError) {
    file = try TapeFile(path: path)
    self.context = context
    buffer = .allocate(byteCount: Limits.lineBytesMax + Limits.textChunkBytes, alignment: 16)
  }

  deinit { buffer.deallocate() }

  /// The next line without its end; nil at the end of the tape. The bytes stay until the next call.
  func next() throws(FeedsError) -> UnsafeRawBufferPointer? {
    while true {
      if let line = takeLine() {
        if let line { return line }
        continue
      }
      guard !hasEnded else { return try takeRest() }
      makeRoom()
      let room = UnsafeMutableRawBufferPointer(
        rebasing: buffer[end..<min(end + Limits.textChunkBytes, buffer.count)])
      let count = try file.read(into: room)
      end += count
      hasEnded = count == 0
      if hasEnded, let damage = file.damage {
        context.counters.damagedFiles += 1
        context.note(source: path, line: lineNumber, reason: damage + "; the rest is not read")
      }
    }
  }

  func rewind() throws(FeedsError) {
    try file.rewind()
    (start, scanned, end, lineNumber) = (0, 0, 0, 0)
    isSkipping = false
    hasEnded = false
  }

  /// Reports the line given last as malformed.
  func noteMalformed(_ reason: @autoclosure () -> String) {
    context.counters.malformedLines += 1
    context.note(source: path, line: lineNumber, reason: reason())
  }

  /// nil: no whole line is in the buffer. A nil inside: a line was there, but is to be skipped.
  private func takeLine() -> UnsafeRawBufferPointer?? {
    guard scanned < end,
      let found = memchr(buffer.baseAddress! + scanned, 0x0A, end - scanned)
    else {
      scanned = end
      return nil
    }
    let lineEnd = UnsafeRawPointer(found) - UnsafeRawPointer(buffer.baseAddress!)
    let line = UnsafeRawBufferPointer(rebasing: buffer[start..<lineEnd])
    start = lineEnd + 1
    scanned = start
    return .some(accept(line))
  }

  private func takeRest() throws(FeedsError) -> UnsafeRawBufferPointer? {
    guard start < end else { return nil }
    let line = UnsafeRawBufferPointer(rebasing: buffer[start..<end])
    start = end
    scanned = end
    return file.damage == nil ? accept(line) : nil
  }

  private func accept(_ line: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    lineNumber += 1
    context.counters.lines += 1
    guard !isSkipping, line.count <= Limits.lineBytesMax else {
      if !isSkipping { noteOverlong() }
      isSkipping = false
      return nil
    }
    guard line.last == 0x0D else { return line }
    return UnsafeRawBufferPointer(rebasing: line.dropLast())
  }

  /// Gives the buffer room for another chunk, whatever it takes.
  private func makeRoom() {
    if end - start > Limits.lineBytesMax, !isSkipping {
      lineNumber += 1
      noteOverlong()
      lineNumber -= 1
      isSkipping = true
    }
    if isSkipping { start = end }
    if start == end {
      (start, scanned, end) = (0, 0, 0)
    } else if start > 0, end + Limits.textChunkBytes > buffer.count {
      memmove(buffer.baseAddress!, buffer.baseAddress! + start, end - start)
      scanned -= start
      end -= start
      start = 0
    }
  }

  private func noteOverlong() {
    context.counters.overlongLines += 1
    noteMalformed("the line is longer than \(Limits.lineBytesMax) bytes")
  }
}
