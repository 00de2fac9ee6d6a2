import Glibc

/// Small text files read once, at start.
enum SettingsFile {
  /// The UTF-8 text of the file; `named` is the setting that the error shall name.
  static func read(
    _ path: String, bytesMax: Int, named: String
  ) throws(ServiceSupportError) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw ServiceSupportError(.setting, "\(named) \(path): \(lastSystemError())")
    }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: bytesMax + 1)
    var count = 0
    while count < bytes.count {
      let got = bytes.withUnsafeMutableBytes {
        Glibc.read(descriptor, $0.baseAddress! + count, $0.count - count)
      }
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else {
        throw ServiceSupportError(.setting, "\(named) \(path): \(lastSystemError())")
      }
      if got == 0 { break }
      count += got
    }
    guard count <= bytesMax else {
      throw ServiceSupportError(.setting, "\(named) \(path): more than \(bytesMax) bytes")
    }
    guard let text = String(validating: bytes[..<count], as: UTF8.self) else {
      throw ServiceSupportError(.setting, "\(named) \(path): not UTF-8")
    }
    return text
  }
}

/// The words for `errno`.
func lastSystemError() -> String { String(cString: strerror(errno)) }
