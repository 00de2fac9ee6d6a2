import Glibc
import ServiceSupport

/// The tape that the repository brings along.
enum Fixture {
  private static let relativePath = "fixtures/session/session.ndjson.gz"

  /// Looked for from the executable upwards (it lies in `.build/release` of a checkout), then from
  /// the working directory.
  static func session() throws -> String {
    var directory = executableDirectory()
    while let current = directory {
      let path = current + "/" + relativePath
      if access(path, R_OK) == 0 { return path }
      directory = current.lastIndex(of: "/").flatMap {
        $0 == current.startIndex ? nil : String(current[..<$0])
      }
    }
    if access(relativePath, R_OK) == 0 { return relativePath }
    throw ServiceSupportError(
      .setting, "the demo tape \(relativePath) is not there; give --tape FILE or --from sim:...")
  }

  private static func executableDirectory() -> String? {
    var buffer = [UInt8](repeating: 0, count: 4_096)
    let count = buffer.withUnsafeMutableBytes {
      readlink("/proc/self/exe", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
    }
    guard count > 0 else { return nil }
    let path = String(decoding: buffer[..<count], as: UTF8.self)
    return path.lastIndex(of: "/").map { String(path[..<$0]) }
  }
}
