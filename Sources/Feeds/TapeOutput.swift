// The file under a tape that is being written, plain or gzip: text is collected, deflated and written in
// large pieces. Belongs to one thread; writes block.
//
// With `.wholeSoFar` all that was appended is in the file afterwards, and a reader of the file, however
// it ends, gets all of it: zlib's sync flush ends the bits at a byte.

import CZlib
import Glibc
import MarketData

final class TapeOutput {
  enum Drain {
    /// The rest may stay in zlib.
    case more
    case wholeSoFar
    case last
  }

  /// Of the file that is written.
  let path: String
  /// Bytes that the file has.
  private(set) var fileBytes: UInt64 = 0
  private let shownPath: String
  private var descriptor: Int32
  private var text = ByteWriter(capacity: Limits.writerChunkBytes)
  /// zlib keeps a pointer to its stream, so it lies at a fixed address; nil for a plain file.
  private var stream: UnsafeMutablePointer<z_stream>?
  private let output: UnsafeMutableRawBufferPointer

  /// - Parameters:
  ///   - shownPath: the name for errors.
  ///   - replaces: whether a file of that name is emptied; else it is an error.
  ///   - compressionLevel: of gzip, without a time in its header, so that equal texts give equal
  ///     files; nil is plain.
  init(
    path: String, for shownPath: String, replaces: Bool, compressionLevel: Int32?
  ) throws(FeedsError) {
    self.path = path
    self.shownPath = shownPath
    descriptor = open(
      path, O_WRONLY | O_CREAT | O_CLOEXEC | (replaces ? O_TRUNC : O_EXCL), 0o644)
    guard descriptor >= 0 else {
      throw FeedsError(
        errno == EEXIST ? .alreadyThere : .cannotOpen, "\(shownPath): \(TapeFile.lastError())")
    }
    output = .allocate(byteCount: Limits.fileChunkBytes, alignment: 16)
    guard let compressionLevel else { return }
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    // Fails only without memory or with another zlib than the one compiled against.
    precondition(zlibx_deflate_init_gzip(stream, compressionLevel) == Z_OK, "zlib cannot start")
    self.stream = stream
  }

  deinit {
    close()
    if let stream {
      deflateEnd(stream)
      stream.deallocate()
    }
    output.deallocate()
  }

  var isOpen: Bool { descriptor >= 0 }
  /// Bytes of text that have not been deflated or written yet.
  var heldBytes: Int { text.count }

  func append(_ byte: UInt8) { text.append(byte) }
  func append(_ bytes: UnsafeRawBufferPointer) { text.append(bytes) }

  func close() {
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = -1
  }

  func sync() throws(FeedsError) {
    guard fsync(descriptor) == 0 else { throw failure() }
  }

  /// Cuts the file back to a length that it had.
  func truncate(to bytes: UInt64) {
    guard ftruncate(descriptor, off_t(bytes)) == 0 else { return }
    fileBytes = bytes
  }

  func drain(_ drain: Drain) throws(FeedsError) {
    if let stream {
      let mode =
        switch drain {
        case .more: Z_NO_FLUSH
        case .wholeSoFar: Z_SYNC_FLUSH
        case .last: Z_FINISH
        }
      try text.withUnsafeBytes { (bytes) throws(FeedsError) in
        try deflateAll(bytes, stream, mode)
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
      fileBytes += UInt64(count)
      rest = rest.dropFirst(count)
    }
  }

  func failure() -> FeedsError {
    FeedsError(.cannotWrite, "\(shownPath): \(TapeFile.lastError())")
  }
}
