// A Redis that answers what a test says: for replies that a real one gives only in a cluster, under
// attack or never. It listens on a Unix socket in a temporary directory, serves one connection at a
// time on a thread of its own and reads commands as RESP arrays.
import EventLoops
import Glibc

public final class ScriptedRedis: Sendable {
  public enum Answer: Sendable {
    case bytes([UInt8])
    /// Each byte in a write of its own.
    case byteByByte([UInt8])
    case nothing
    case hangUp

    public static func text(_ text: String) -> Answer { .bytes(Array(text.utf8)) }
  }

  /// Called on the server's thread with the words of a command.
  public typealias Script = @Sendable (_ connection: Int, _ words: [String]) -> Answer

  public let socketPath: String
  public var url: String { "unix://\(socketPath)" }

  private let directory: String
  private let listener: Int32
  private let script: Script
  private let ended = Locked(false)

  public init(_ script: @escaping Script) throws {
    var template = Array("/tmp/tapedeck-script-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw PrivateServerError(description: "mkdtemp") }
    directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    socketPath = "\(directory)/redis.sock"
    self.script = script
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: socketPath.utf8) }
    let code = withUnsafeBytes(of: &address) { bytes in
      bind(
        listener, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self),
        socklen_t(bytes.count))
    }
    guard code == 0, listen(listener, 8) == 0 else {
      throw PrivateServerError(description: "bind: \(String(cString: strerror(errno)))")
    }
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(self).toOpaque()  // released by the thread
    guard
      pthread_create(
        &thread, nil,
        { argument in
          Unmanaged<ScriptedRedis>.fromOpaque(argument!).takeRetainedValue().serve()
          return nil
        }, argument) == 0
    else {
      Unmanaged<ScriptedRedis>.fromOpaque(argument).release()
      throw PrivateServerError(description: "pthread_create")
    }
    pthread_detach(thread)
  }

  /// Stops accepting; a connection that is served ends when its peer closes it.
  public func close() {
    ended.withLock { $0 = true }
    shutdown(listener, Int32(SHUT_RDWR))
    unlink(socketPath)
    rmdir(directory)
  }

  private func serve() {
    var connection = 0
    while true {
      let descriptor = accept(listener, nil, nil)
      guard descriptor >= 0 else {
        if ended.withLock({ $0 }) { break }
        continue
      }
      converse(descriptor, connection)
      Glibc.close(descriptor)
      connection += 1
    }
    Glibc.close(listener)
  }

  private func converse(_ descriptor: Int32, _ connection: Int) {
    var input: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      guard count > 0 else { return }
      input.append(contentsOf: buffer[..<count])
      while let words = ScriptedRedis.takeCommand(&input) {
        switch script(connection, words) {
        case .bytes(let bytes): write(descriptor, bytes)
        case .byteByByte(let bytes):
          for byte in bytes {
            write(descriptor, [byte])
            usleep(100)  // so that the reader sees it alone
          }
        case .nothing: break
        case .hangUp: return
        }
      }
    }
  }

  private func write(_ descriptor: Int32, _ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  private static func takeCommand(_ input: inout [UInt8]) -> [String]? {
    var rest = input[...]
    func line() -> Int? {
      guard let end = rest.firstIndex(of: 10) else { return nil }
      let number = Int(String(decoding: rest[(rest.startIndex + 1)..<(end - 1)], as: UTF8.self))
      rest = rest[(end + 1)...]
      return number
    }
    guard !rest.isEmpty, let count = line() else { return nil }
    var words: [String] = []
    for _ in 0..<count {
      guard let length = line(), rest.count >= length + 2 else { return nil }
      words.append(String(decoding: rest.prefix(length), as: UTF8.self))
      rest = rest.dropFirst(length + 2)
    }
    input = Array(rest)
    return words
  }
}
