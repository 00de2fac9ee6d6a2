// Goal: the private Redis is really there, comes back, and is gone when it should be. Method: the
// real redis-server in a temporary directory.
import EventLoops
import Glibc
import Logging
import ServiceSupport
import Testing

@Suite(.serialized) struct PrivateRedisTests {
  private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  @Test func answersOnItsSocketOnlyAndIsGoneAfterStop() async throws {
    let quiet = quiet
    try await withTemporaryDirectory { path in
      try await onOwnLoop { loop in
        let directory = try StateDirectory.open(path + "/state")
        let redis = PrivateRedis(loop: loop, directory: directory, role: .market, logger: quiet)
        try await redis.start()
        #expect(redis.url == "unix://\(path)/state/redis.sock")
        #expect(run("redis-cli", "-s", redis.socketPath, "ping") == "PONG")
        #expect(value("port", redis) == "0")
        #expect(value("save", redis) == "")
        #expect(value("appendonly", redis) == "no")
        #expect(value("maxmemory-policy", redis) == "noeviction")
        var status = stat()
        #expect(stat(redis.socketPath, &status) == 0 && status.st_mode & 0o777 == 0o700)
        #expect(stat(path + "/state", &status) == 0 && status.st_mode & 0o777 == 0o700)
        let child = try #require(redis.processID)
        await redis.stop()
        #expect(kill(child, 0) == -1 && errno == ESRCH)
        #expect(access(redis.socketPath, F_OK) == -1)
      }
    }
  }

  private func value(_ name: String, _ redis: PrivateRedis) -> String? {
    let lines = run("redis-cli", "-s", redis.socketPath, "config", "get", name)
      .split(separator: "\n", omittingEmptySubsequences: false)
    return lines.count > 1 ? String(lines[1]) : nil
  }
}

/// The trimmed standard output of a command.
func run(_ arguments: String...) -> String {
  let command = arguments.map { "'" + $0.replacing("'", with: "'\\''") + "'" }.joined(separator: " ")
  guard let pipe = popen(command, "r") else { return "popen: errno \(errno)" }
  defer { pclose(pipe) }
  var text: [UInt8] = []
  var bytes = [UInt8](repeating: 0, count: 4_096)
  while case let count = fread(&bytes, 1, bytes.count, pipe), count > 0 { text += bytes[..<count] }
  while text.last == UInt8(ascii: "\n") { text.removeLast() }
  return String(decoding: text, as: UTF8.self)
}
