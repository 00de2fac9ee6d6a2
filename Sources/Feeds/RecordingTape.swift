// A tape that is written while things happen: lines as they come, made readable every second, in one
// file or in a row of files. Belongs to one thread; writes block.
//
// The file has its name from the beginning and is never renamed: whatever ends the process, what was
// flushed is there, up to the last whole line (a gzip reader says that the data ends early, and gives
// what it has). No file is ever overwritten. What a crash of the whole machine leaves is the kernel's
// affair: a file is synced when it is finished.

import Glibc
import MarketData

/// When a recording goes on in a new file.
public struct RecordingRotation: Hashable, Sendable {
  /// After so many bytes on disk; nil is never. It is looked at after each flush.
  public var fileBytes: UInt64?
  /// After so many milliseconds; nil is never.
  public var milliseconds: UInt64?

  public init(fileBytes: UInt64? = nil, milliseconds: UInt64? = nil) {
    self.fileBytes = fileBytes
    self.milliseconds = milliseconds
  }

  public var isOff: Bool { fileBytes == nil && milliseconds == nil }

  /// `tape.ndjson.gz` gives `tape-0001.ndjson.gz`: the number stands before the name's endings.
  public static func path(_ path: String, number: Int) -> String {
    let start = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    // A name may begin with a dot.
    let from = path.index(start, offsetBy: 1, limitedBy: path.endIndex) ?? path.endIndex
    let dot = path[from...].firstIndex(of: ".") ?? path.endIndex
    let digits = String(number)
    let padding = String(repeating: "0", count: max(0, 4 - digits.count))
    return "\(path[..<dot])-\(padding)\(digits)\(path[dot...])"
  }
}

public final class RecordingTape {
  /// The file that is written now.
  public private(set) var path: String
  /// In all files.
  public private(set) var lines: UInt64 = 0
  /// On disk, in all files.
  public var fileBytes: UInt64 { finishedBytes + (output?.fileBytes ?? 0) }
  /// Finished files and the one being written.
  public private(set) var files = 0

  private let basePath: String
  private let rotation: RecordingRotation
  private var output: TapeOutput?
  private var number = 0
  private var finishedBytes: UInt64 = 0
  private var openedAt: UInt64 = 0
  /// Where the file ended after the last flush, and how many lines there were in all.
  private var flushed: (bytes: UInt64, lines: UInt64) = (0, 0)
  private var unflushedLines = false

  /// Opens the first file. A path that ends with `.gz` is compressed.
  public init(
    path: String, rotation: RecordingRotation = RecordingRotation(), nowMilliseconds: UInt64
  ) throws(FeedsError) {
    basePath = path
    self.path = path
    self.rotation = rotation
    try openNext(nowMilliseconds)
  }

  /// Appends a JSON text as one line. It must be well formed: line breaks in it can then only stand
  /// between its tokens, and become spaces.
  public func append(_ json: UnsafeRawBufferPointer) throws(FeedsError) {
    guard let output else { preconditionFailure("the recording is finished") }
    if json.contains(0x0A) || json.contains(0x0D) {
      for byte in json { output.append(byte == 0x0A || byte == 0x0D ? 0x20 : byte) }
    } else {
      output.append(json)
    }
    output.append(UInt8(ascii: "\n"))
    lines += 1
    unflushedLines = true
    if output.heldBytes >= Limits.writerChunkBytes {
      try attempt { () throws(FeedsError) in try output.drain(.more) }
    }
  }

  /// Makes all lines so far readable, and goes on in a new file when it is time.
  public func flush(nowMilliseconds: UInt64) throws(FeedsError) {
    guard let output else { return }
    if unflushedLines {
      try attempt { () throws(FeedsError) in try output.drain(.wholeSoFar) }
      flushed = (output.fileBytes, lines)
      unflushedLines = false
    }
    let isFull = rotation.fileBytes.map { output.fileBytes >= $0 } ?? false
    // An empty file is no use to anybody, however old.
    let isOld =
      rotation.milliseconds.map { nowMilliseconds - openedAt >= $0 && output.fileBytes > 0 }
      ?? false
    guard isFull || isOld else { return }
    try finishFile(output)
    try openNext(nowMilliseconds)
  }

  /// Ends the recording. More than once is allowed.
  public func finish() throws(FeedsError) {
    guard let output else { return }
    try finishFile(output)
  }

  /// Removes the file that is being written.
  public func discard() {
    guard let output else { return }
    output.close()
    self.output = nil
    unlink(output.path)
  }

  private func finishFile(_ output: TapeOutput) throws(FeedsError) {
    try attempt { () throws(FeedsError) in
      try output.drain(.last)
      try output.sync()
    }
    finishedBytes += output.fileBytes
    output.close()
    self.output = nil
    unflushedLines = false
  }

  /// When a write fails (the disk is full) the file is cut back to what was flushed: a part of a gzip
  /// block helps nobody. The recording is over then, and keeps what it has.
  private func attempt(_ write: () throws(FeedsError) -> Void) throws(FeedsError) {
    do throws(FeedsError) {
      try write()
    } catch {
      lines = flushed.lines
      output?.truncate(to: flushed.bytes)
      finishedBytes += output?.fileBytes ?? 0
      output?.close()
      output = nil
      throw error
    }
  }

  private func openNext(_ nowMilliseconds: UInt64) throws(FeedsError) {
    openedAt = nowMilliseconds
    flushed = (0, lines)
    files += 1
    let level: Int32? = basePath.hasSuffix(".gz") ? Limits.recordingCompressionLevel : nil
    guard !rotation.isOff else {
      output = try TapeOutput(
        path: basePath, for: basePath, replaces: false, compressionLevel: level)
      return
    }
    // Files of an earlier recording stay; theirs are the first numbers.
    while true {
      number += 1
      path = RecordingRotation.path(basePath, number: number)
      do throws(FeedsError) {
        output = try TapeOutput(path: path, for: path, replaces: false, compressionLevel: level)
        return
      } catch {
        guard error.code == .alreadyThere, number < Limits.recordingFilesMax else { throw error }
      }
    }
  }
}
