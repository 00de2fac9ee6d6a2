// The bytes of a file, plain or gzip (known by content, not by name; several gzip members in a row
// are one text). One read buffer, one z_stream; belongs to the thread that pulls.
//
// Damaged gzip data is not an error: what could be inflated is given, then the text ends and
// `damage` says why. Zero padding behind the last member is allowed, as gzip itself allows it.

import CZlib
import Glibc

final class TapeFile {
  let path: String
  /// Why the text ended before the file did.
  private(set) var damage: String?
  private let descriptor: Int32
  private let input: UnsafeMutableRawBufferPointer
  private var inputOffset = 0
  private var inputCount = 0
  /// zlib keeps a pointer to its stream, so it lies at a fixed address; nil for a plain file.
  private var stream: UnsafeMutablePointer<z_stream>?
  private var isInsideMember = false
  private var hasEnded = false

  init(path: String) throws(FeedsError) {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw FeedsError(.cannotOpen, "\(path): \(TapeFile.lastError())")
    }
    input = .allocate(byteCount: Limits.fileChunkBytes, alignment: 16)
    // From here on `deinit` cleans up, after a throw too: every property has its value.
    // A tape is read more than once, and a pipe could block the loop.
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw FeedsError(.cannotOpen, "\(path): not a regular file")
    }
    try fill()
    if inputCount >= 2, input[0] == 0x1F, input[1] == 0x8B { startInflating() }
  }

  deinit {
    if let stream {
      inflateEnd(stream)
      stream.deallocate()
    }
    input.deallocate()
    close(descriptor)
  }

  var isCompressed: Bool { stream != nil }

  /// Puts the next bytes of the text at the front of `target`; 0 at the end.
  func read(into target: UnsafeMutableRawBufferPointer) throws(FeedsError) -> Int {
    guard !hasEnded, target.count > 0 else { return 0 }
    guard let stream else { return try copy(into: target) }
    stream.pointee.next_out = target.baseAddress!.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = UInt32(min(target.count, Int(Int32.max)))
    while stream.pointee.avail_out > 0 {
      if inputOffset == inputCount { try fill() }
      if !isInsideMember {
        guard try startMember(stream) else { break }
      }
      guard inputCount > 0 else {
        end("the gzip data ends too early")
        break
      }
      guard inflateInput(stream) else { break }
    }
    return target.count - Int(stream.pointee.avail_out)
  }

  /// Starts again from the first byte.
  func rewind() throws(FeedsError) {
    guard lseek(descriptor, 0, SEEK_SET) == 0 else {
      throw FeedsError(.cannotRead, "\(path): cannot go back: \(TapeFile.lastError())")
    }
    inputOffset = 0
    inputCount = 0
    hasEnded = false
    damage = nil
    isInsideMember = false
  }

  /// Inflates what lies in the input; false at the end of the text.
  private func inflateInput(_ stream: UnsafeMutablePointer<z_stream>) -> Bool {
    stream.pointee.next_in = (input.baseAddress! + inputOffset).assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_in = UInt32(inputCount - inputOffset)
    let status = inflate(stream, Z_NO_FLUSH)
    inputOffset = inputCount - Int(stream.pointee.avail_in)
    switch status {
    case Z_STREAM_END:
      isInsideMember = false
      return true
    case Z_OK, Z_BUF_ERROR:  // the latter: input or room is used up, both looked at by the caller
      return true
    default:
      end("the gzip data is corrupt")
      return false
    }
  }

  /// Prepares the next gzip member; false when there is none.
  private func startMember(_ stream: UnsafeMutablePointer<z_stream>) throws(FeedsError) -> Bool {
    while inputCount > 0 {
      while inputOffset < inputCount, input[inputOffset] == 0 { inputOffset += 1 }
      if inputOffset < inputCount { break }
      try fill()
    }
    guard inputCount > 0 else {
      hasEnded = true
      return false
    }
    guard input[inputOffset] == 0x1F else {
      end("something that is not gzip follows the gzip data")
      return false
    }
    inflateReset(stream)
    isInsideMember = true
    return true
  }

  private func end(_ reason: String) {
    damage = reason
    hasEnded = true
  }

  private func startInflating() {
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    // Fails only without memory or with another zlib than the one compiled against.
    precondition(zlibx_inflate_init_gzip(stream) == Z_OK, "zlib cannot start")
    self.stream = stream
  }

  private func copy(into target: UnsafeMutableRawBufferPointer) throws(FeedsError) -> Int {
    if inputOffset == inputCount { try fill() }
    let count = min(target.count, inputCount - inputOffset)
    guard count > 0 else {
      hasEnded = true
      return 0
    }
    target.copyMemory(from: .init(rebasing: input[inputOffset..<inputOffset + count]))
    inputOffset += count
    return count
  }

  private func fill() throws(FeedsError) {
    inputOffset = 0
    inputCount = 0
    while true {
      let count = Glibc.read(descriptor, input.baseAddress!, input.count)
      if count >= 0 {
        inputCount = count
        return
      }
      guard errno == EINTR else {
        throw FeedsError(.cannotRead, "\(path): \(TapeFile.lastError())")
      }
    }
  }

  static func lastError() -> String { String(cString: strerror(errno)) }
}
