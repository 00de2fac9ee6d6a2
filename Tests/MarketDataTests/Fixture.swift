import Glibc
import MarketData
import TestSupport

extension SplitMix64 {
  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }

  mutating func pick<T>(_ from: [T]) -> T { from[Int.random(in: 0..<from.count, using: &self)] }
}

/// Memory whose end lies against a page that cannot be read: one byte too far ends the test run.
final class GuardedMemory {
  private let base: UnsafeMutableRawPointer
  private let readable: Int

  init(bytesMax: Int) {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    readable = (bytesMax + page - 1) / page * page
    base = mmap(nil, readable + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
    precondition(mprotect(base + readable, page, PROT_NONE) == 0)
  }

  deinit { munmap(base, readable + Int(sysconf(Int32(_SC_PAGESIZE)))) }

  func with<R>(_ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    let start = base + (readable - bytes.count)
    UnsafeMutableRawBufferPointer(start: start, count: bytes.count).copyBytes(from: bytes)
    return try body(UnsafeRawBufferPointer(start: start, count: bytes.count))
  }
}

/// What `write` appends, as bytes.
func written(_ write: (inout ByteWriter) throws -> Void) rethrows -> [UInt8] {
  var writer = ByteWriter(capacity: 16)
  try write(&writer)
  return writer.withUnsafeBytes { Array($0) }
}

func text(_ write: (inout ByteWriter) throws -> Void) rethrows -> String {
  String(decoding: try written(write), as: UTF8.self)
}

func hex(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

func packed(_ json: String, levels: Int = Depth.levelsMax) throws(MarketDataError) -> [UInt8] {
  var writer = ByteWriter()
  try MessagePackTranscoder.transcode(json.utf8Span.span.bytes, levels: levels, into: &writer)
  return writer.withUnsafeBytes { Array($0) }
}

func cut(_ json: String, levels: Int) throws(MarketDataError) -> String {
  var writer = ByteWriter()
  try WireJSON.cutDepth(json.utf8Span.span.bytes, levels: levels, into: &writer)
  return writer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
}
