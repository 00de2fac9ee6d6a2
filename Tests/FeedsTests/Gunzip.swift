import CZlib
import Glibc

/// Another reader of gzip files than the one under test: zlib's own file functions.
enum Gunzip {
  struct CannotOpen: Error {}

  static func bytes(_ path: String) throws -> [UInt8] {
    guard let file = gzopen(path, "rb") else { throw CannotOpen() }
    defer { gzclose(file) }
    var result: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = gzread(file, &chunk, UInt32(chunk.count))
      guard count > 0 else { return result }
      result += chunk[..<Int(count)]
    }
  }

  static func lines(_ path: String) throws -> [[UInt8]] {
    let bytes = try bytes(path)
    var lines: [[UInt8]] = []
    bytes.withUnsafeBytes { bytes in
      var start = bytes.baseAddress!
      var count = bytes.count
      while let end = memchr(start, 0x0A, count) {
        lines.append(
          Array(UnsafeRawBufferPointer(start: start, count: UnsafeRawPointer(end) - start)))
        count -= lines[lines.count - 1].count + 1
        start = UnsafeRawPointer(end) + 1
      }
    }
    return lines
  }

  /// The digits behind the first `pattern`.
  static func number(after pattern: StaticString, in line: [UInt8]) -> Int? {
    line.withUnsafeBytes { line -> Int? in
      let length = pattern.utf8CodeUnitCount
      var rest = line[...]
      while let found = memchr(
        rest.base.baseAddress! + rest.startIndex, Int32(pattern.utf8Start[0]), rest.count)
      {
        let index = UnsafeRawPointer(found) - line.baseAddress!
        guard index + length <= line.count else { return nil }
        if memcmp(found, pattern.utf8Start, length) == 0 {
          let digits = line[(index + length)...].prefix { 48...57 ~= $0 }
          return digits.isEmpty ? nil : digits.reduce(0) { $0 * 10 + Int($1 - 48) }
        }
        rest = line[(index + 1)...]
      }
      return nil
    }
  }
}
