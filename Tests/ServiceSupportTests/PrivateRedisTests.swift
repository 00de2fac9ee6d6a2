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
        #expect(value("save", redis) ?? "" == "")
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

  @Test func durableRoleKeepsWhatItWasGiven() async throws {
    let quiet = quiet
    try await withTemporaryDirectory { path in
      try await onOwnLoop { loop in
        let directory = try StateDirectory.open(path)
        for round in 1...2 {
          let redis = PrivateRedis(loop: loop, directory: directory, role: .durable, logger: quiet)
          try await redis.start()
          #expect(redis.socketPath == path + "/redis-durable.sock")
          if round == 1 {
            #expect(run("redis-cli", "-s", redis.socketPath, "set", "k", "kept") == "OK")
          } else {
            #expect(run("redis-cli", "-s", redis.socketPath, "get", "k") == "kept")
          }
          await redis.stop()
        }
      }
    }
  }

  @Test func comesBackAfterItWasKilled() async throws {
    let recorder = LogRecorder()
    try await withTemporaryDirectory { path in
      try await onOwnLoop { loop in
        let directory = try StateDirectory.open(path)
        let redis = PrivateRedis(
          loop: loop, directory: directory, role: .market, logger: recorder.logger(level: .notice))
        try await redis.start()
        let first = try #require(redis.processID)
        kill(first, SIGKILL)
        var waited = 0
        while recorder.lines.last != "notice redis runs again", waited < 1_000 {
          await loop.sleep(milliseconds: 10)
          waited += 1
        }
        #expect(run("redis-cli", "-s", redis.socketPath, "ping") == "PONG")
        #expect(redis.restarts == 1)
        #expect(try #require(redis.processID) != first)
        await redis.stop()
      }
    }
  }

  @Test func endsWithTheThreadThatSpawnedIt() async throws {
    let quiet = quiet
    try await withTemporaryDirectory { path in
      let child = try await onOwnLoop { loop in
        let directory = try StateDirectory.open(path)
        let redis = PrivateRedis(loop: loop, directory: directory, role: .market, logger: quiet)
        try await redis.start()
        return try #require(redis.processID)  // and nobody stops it
      }
      var status: Int32 = 0
      var waited = 0
      while waitpid(child, &status, WNOHANG) == 0, waited < 200 {
        usleep(10_000)
        waited += 1
      }
      #expect(waited < 200 && status & 0x7f == SIGKILL)
      if waited == 200 { kill(child, SIGKILL) }
    }
  }

  @Test func hungServerIsKilledAtStop() async throws {
    let quiet = quiet
    try await withTemporaryDirectory { path in
      try await onOwnLoop { loop in
        let directory = try StateDirectory.open(path)
        let redis = PrivateRedis(loop: loop, directory: directory, role: .market, logger: quiet)
        try await redis.start()
        let child = try #require(redis.processID)
        kill(child, SIGSTOP)
        await redis.stop()
        #expect(kill(child, 0) == -1)
      }
    }
  }

  @Test func serverThatCannotStartIsAnErrorWithTheEndOfItsLog() async throws {
    let quiet = quiet
    try await withTemporaryDirectory { path in
      try await onOwnLoop { loop in
        let directory = try StateDirectory.open(path)
        let redis = PrivateRedis(
          loop: loop, directory: directory, role: .market, logger: quiet,
          executable: "no-such-redis-server")
        let error = await #expect(throws: ServiceSupportError.self) { try await redis.start() }
        #expect(error?.message.contains("ended with status 127") == true, "\(error as Any)")
        #expect(error?.message.contains("no-such-redis-server: not found") == true)
        await redis.stop()
      }
    }
  }

  @Test func strangerOnTheSocketIsAnError() async throws {
    let quiet = quiet
    try await withTemporaryDirectory { path in
      try await onOwnLoop { loop in
        let one = try StateDirectory.open(path)
        let ours = PrivateRedis(loop: loop, directory: one, role: .market, logger: quiet)
        try await ours.start()
        let second = PrivateRedis(loop: loop, directory: one, role: .market, logger: quiet)
        let error = await #expect(throws: ServiceSupportError.self) { try await second.start() }
        #expect(error?.code == .occupied)
        await second.stop()
        await ours.stop()
      }
    }
  }

  @Test func staleSocketIsReplaced() async throws {
    let quiet = quiet
    try await withTemporaryDirectory { path in
      bindAndLeave(path + "/redis.sock")
      #expect(access(path + "/redis.sock", F_OK) == 0)
      try await onOwnLoop { loop in
        let directory = try StateDirectory.open(path)
        let redis = PrivateRedis(loop: loop, directory: directory, role: .market, logger: quiet)
        try await redis.start()
        await redis.stop()
      }
    }
  }

  private func value(_ name: String, _ redis: PrivateRedis) -> String? {
    let lines = run("redis-cli", "-s", redis.socketPath, "config", "get", name)
      .split(separator: "\n", omittingEmptySubsequences: false)
    return lines.count > 1 ? String(lines[1]) : nil
  }
}

/// Leaves the name of a socket that nobody listens on.
private func bindAndLeave(_ path: String) {
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
  let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
  withUnsafePointer(to: &address) { address in
    address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      _ = bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
    }
  }
  close(descriptor)
}

/// The trimmed standard output of a command.
func run(_ arguments: String...) -> String {
  let command = arguments.map { "'" + $0.replacing("'", with: "'\\''") + "'" }.joined(
    separator: " ")
  guard let pipe = popen(command, "r") else { return "popen: errno \(errno)" }
  defer { pclose(pipe) }
  var text: [UInt8] = []
  var bytes = [UInt8](repeating: 0, count: 4_096)
  while case let count = fread(&bytes, 1, bytes.count, pipe), count > 0 { text += bytes[..<count] }
  while text.last == UInt8(ascii: "\n") { text.removeLast() }
  return String(decoding: text, as: UTF8.self)
}
