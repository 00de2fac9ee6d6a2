import Glibc

/// The end of a log file, for the message of a server that did not start.
enum LastLine {
  static func of(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    let size = lseek(descriptor, 0, SEEK_END)
    var bytes = [UInt8](repeating: 0, count: 1_024)
    let count = pread(descriptor, &bytes, bytes.count, max(0, size - bytes.count))
    guard count > 0 else { return nil }
    return String(decoding: bytes[..<count], as: UTF8.self)
      .split(whereSeparator: \.isNewline).last.map(String.init)
  }
}
