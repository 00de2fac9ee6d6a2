// A redis-server of one test's own: in a temporary directory, on a Unix socket and, when asked, on a
// TCP port that the system chose. Synchronous and free of the code under test: it speaks RESP by
// itself. The server dies with the test process, see KeptProcess.
//
// One thread at a time. `close` (or deinit) ends the server and removes the directory.
public import Glibc

/// Why a private server cannot be had.
public struct PrivateServerError: Error, CustomStringConvertible {
  public let description: String
}

public final class PrivateRedis {
  /// Ends in a slash-free path below the system's temporary directory.
  public let directory: String
  public var socketPath: String { "\(directory)/redis.sock" }
  /// 0 without TCP.
  public let port: UInt16
  public var processID: pid_t { process?.processID ?? 0 }

  public var url: String { "unix://\(socketPath)" }

  private let arguments: [String]
  private let password: String?
  private var process: KeptProcess?

  /// Starts and waits until it answers.
  /// - Parameters:
  ///   - arguments: further words of redis-server's command line.
  ///   - tcp: also listen on 127.0.0.1, on a port that was free a moment ago.
  ///   - password: `requirepass`.
  public init(
    arguments: [String] = [], tcp: Bool = false, password: String? = nil
  ) throws {
    var template = Array("\(PrivateRedis.temporaryDirectory)/tapedeck-redis-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw PrivateServerError(description: "mkdtemp: \(String(cString: strerror(errno)))")
    }
    directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    port = tcp ? try PrivateRedis.freePort() : 0
    self.arguments = arguments
    self.password = password
    try start()
  }

  deinit { close() }

  // MARK: - Life

  /// Starts it again after `kill`, on the same socket and port.
  public func start() throws {
    precondition(process == nil, "the private Redis runs")
    var words = [
      "redis-server", "--unixsocket", socketPath, "--port", String(port), "--bind", "127.0.0.1",
      "--dir", directory, "--save", "", "--appendonly", "no", "--loglevel", "warning",
      "--logfile", "\(directory)/redis.log",
    ]
    if let password { words += ["--requirepass", password] }
    let process = try KeptProcess(words + arguments)
    self.process = process
    let deadline = PrivateRedis.now() + 10
    while !answersPing() {
      guard !process.hasEnded else {
        self.process = nil
        throw PrivateServerError(description: "redis-server ended at once: see its log")
      }
      guard PrivateRedis.now() < deadline else {
        kill()
        throw PrivateServerError(description: "redis-server did not answer within 10 s")
      }
      usleep(5_000)
    }
  }

  /// SIGKILL; returns when it is gone.
  public func kill() {
    process?.end()
    process = nil
    unlink(socketPath)
  }

  public func restart() throws {
    kill()
    try start()
  }

  /// SIGSTOP: connections stay, nothing is answered.
  public func stop() { process?.send(SIGSTOP) }

  /// SIGCONT.
  public func resume() { process?.send(SIGCONT) }

  public func close() {
    kill()
    removeDirectory(directory)
  }

  // MARK: - Looking in from outside

  /// Runs one command on a connection of its own and returns what came back, as RESP text; nil when
  /// there is no answer within 5 s.
  public func command(_ words: String...) -> String? { exchange(words, timeoutMilliseconds: 5_000) }

  private func answersPing() -> Bool {
    guard let answer = exchange(["PING"], timeoutMilliseconds: 1_000) else { return false }
    return answer.hasPrefix("+PONG")
  }

  private func exchange(_ words: [String], timeoutMilliseconds: Int) -> String? {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    defer { Glibc.close(descriptor) }
    var limit = timeval(
      tv_sec: timeoutMilliseconds / 1_000, tv_usec: timeoutMilliseconds % 1_000 * 1_000)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: socketPath.utf8) }
    let connected = withUnsafeBytes(of: &address) { bytes in
      connect(
        descriptor, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self),
        socklen_t(bytes.count))
    }
    guard connected == 0 else { return nil }
    if let password {
      guard roundTrip(descriptor, ["AUTH", password])?.hasPrefix("+OK") == true else { return nil }
    }
    return roundTrip(descriptor, words)
  }

  private func roundTrip(_ descriptor: Int32, _ words: [String]) -> String? {
    let request = PrivateRedis.encode(words)
    guard
      request.withUnsafeBytes({
        send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }) == request.count
    else { return nil }
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while !PrivateRedis.isComplete(answer) {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      guard count > 0 else { return nil }
      answer.append(contentsOf: buffer[..<count])
    }
    return String(decoding: answer, as: UTF8.self)
  }

  private static func encode(_ words: [String]) -> [UInt8] {
    var text = "*\(words.count)\r\n"
    for word in words { text += "$\(word.utf8.count)\r\n\(word)\r\n" }
    return Array(text.utf8)
  }

  /// Whether `answer` holds one whole reply.
  private static func isComplete(_ answer: [UInt8]) -> Bool {
    var at = 0
    var wanted = 1
    while wanted > 0 {
      guard let end = answer[at...].firstIndex(of: 10), end > at else { return false }
      let number = Int(String(decoding: answer[(at + 1)..<(end - 1)], as: UTF8.self)) ?? 0
      wanted -= 1
      switch answer[at] {
      case UInt8(ascii: "*"): wanted += max(0, number)
      case UInt8(ascii: "$") where number >= 0:
        at = end + 1 + number + 2
        guard at <= answer.count else { return false }
        continue
      default: break
      }
      at = end + 1
    }
    return true
  }

  // MARK: - System

  static let temporaryDirectory: String = {
    // sun_path is 108 bytes: a long TMPDIR would not fit a socket.
    guard let path = getenv("TMPDIR").map({ String(cString: $0) }), path.utf8.count <= 60,
      !path.isEmpty
    else { return "/tmp" }
    return path
  }()

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// A TCP port of 127.0.0.1 that the system considers free now.
  public static func freePort() throws -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw PrivateServerError(description: "no socket") }
    defer { Glibc.close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutableBytes(of: &address) { bytes in
      let raw = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
      return bind(descriptor, raw, size) == 0 ? getsockname(descriptor, raw, &size) : -1
    }
    guard code == 0 else { throw PrivateServerError(description: "no free port") }
    return UInt16(bigEndian: address.sin_port)
  }
}
