import CZlib

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

  static func lines(_ path: String) throws -> [ArraySlice<UInt8>] {
    try bytes(path).split(separator: 0x0A)
  }

  /// The digits behind the first `pattern`.
  static func number(after pattern: StaticString, in line: ArraySlice<UInt8>) -> Int? {
    let count = pattern.utf8CodeUnitCount
    return line.withUnsafeBufferPointer { line -> Int? in
      var index = 0
      while index + count < line.count {
        if line[index] == pattern.utf8Start[0],
          (0..<count).allSatisfy({ line[index + $0] == pattern.utf8Start[$0] })
        {
          let digits = line[(index + count)...].prefix { 48...57 ~= $0 }
          return digits.isEmpty ? nil : digits.reduce(0) { $0 * 10 + Int($1 - 48) }
        }
        index += 1
      }
      return nil
    }
  }
}
