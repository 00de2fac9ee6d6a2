// Writes a native tape: a line an event, as the stream carries it without `E`, `N` and `P`, which
// belong to a play and not to the tape. A path that ends with `.gz` is compressed, with no time in
// its header: equal events give equal files.
//
// The file appears under its name only when it is finished; until then it is `<path>.partial`,
// which is removed if the writer goes away unfinished. Belongs to one thread; writes block.

import CZlib
import Glibc
public import MarketData

public final class TapeWriter {
  public let path: String
  public private(set) var lines: UInt64 = 0
  private let context: FeedContext
  private let partialPath: String
  private var descriptor: Int32
  private var line = ByteWriter(capacity: 4_096)
  private var text = ByteWriter(capacity: Limits.writerChunkBytes)
  private var stream: UnsafeMutablePointer<z_stream>?
  private let output: UnsafeMutableRawBufferPointer

  /// - Parameter context: gives the events' symbols and codes their texts.
  public init(path: String, context: FeedContext) throws(FeedsError) {
    self.path = path
    self.context = context
    partialPath = path + ".partial"
    descriptor = open(partialPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw FeedsError(.cannotOpen, "\(path): \(TapeFile.lastError())")
    }
    output = .allocate(byteCount: Limits.fileChunkBytes, alignment: 16)
    guard path.hasSuffix(".gz") else { return }
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    // Fails only without memory or with another zlib than the one compiled against.
    precondition(zlibx_deflate_init_gzip(stream, 9) == Z_OK, "zlib cannot start")
    self.stream = stream
  }

  deinit {
    if descriptor >= 0 {
      close(descriptor)
      unlink(partialPath)
    }
    if let stream {
      deflateEnd(stream)
      stream.deallocate()
    }
    output.deallocate()
  }

  public func append(_ event: FeedEvent) throws(FeedsError) {
    precondition(descriptor >= 0, "the tape is finished")
    encode(event)
    lines += 1
    if text.count >= Limits.writerChunkBytes { try flush(finish: false) }
  }

  /// Writes what is left, syncs the file and gives it its name.
  public func finish() throws(FeedsError) {
    precondition(descriptor >= 0, "the tape is finished")
    try flush(finish: true)
    guard fsync(descriptor) == 0, rename(partialPath, path) == 0 else { throw failure() }
    close(descriptor)
    descriptor = -1
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
    text.append(UInt8(ascii: "{"))
    line.withUnsafeBytes { bytes in
      // Before "T" stand only E, N and P, whose values are digits.
      let start = bytes.indices.dropLast().first {
        bytes[$0] == UInt8(ascii: "\"") && bytes[$0 + 1] == UInt8(ascii: "T")
      }
      text.append(UnsafeRawBufferPointer(rebasing: bytes[start!...]))
    }
    text.append(UInt8(ascii: "\n"))
  }

  private func flush(finish: Bool) throws(FeedsError) {
    if let stream {
      try text.withUnsafeBytes { (bytes) throws(FeedsError) in
        try deflateAll(bytes, stream, finish ? Z_FINISH : Z_NO_FLUSH)
      }
    } else {
      try text.withUnsafeBytes { (bytes) throws(FeedsError) in try write(bytes) }
    }
    text.removeAll()
  }

  private func deflateAll(
    _ bytes: UnsafeRawBufferPointer, _ stream: UnsafeMutablePointer<z_stream>, _ mode: Int32
  ) throws(FeedsError) {
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.pointee.avail_in = UInt32(bytes.count)
    var status: Int32
    repeat {
      stream.pointee.next_out = output.baseAddress!.assumingMemoryBound(to: UInt8.self)
      stream.pointee.avail_out = UInt32(output.count)
      status = deflate(stream, mode)
      precondition(status != Z_STREAM_ERROR, "deflate was called wrongly")
      let count = output.count - Int(stream.pointee.avail_out)
      try write(UnsafeRawBufferPointer(rebasing: output[..<count]))
    } while stream.pointee.avail_out == 0 || (mode == Z_FINISH && status != Z_STREAM_END)
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws(FeedsError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let slice = UnsafeRawBufferPointer(rebasing: rest)
      let count = Glibc.write(descriptor, slice.baseAddress!, slice.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure() }
      rest = rest.dropFirst(count)
    }
  }

  private func failure() -> FeedsError {
    FeedsError(.cannotWrite, "\(path): \(TapeFile.lastError())")
  }
}
