// A redis-server of our own: a supervised child on a Unix socket in the state directory, without a
// TCP port. See `SupervisedServer` for its life. Belongs to its loop's thread.
public import EventLoops
import Glibc
public import Logging

public final class PrivateRedis {
  public enum Role: Sendable {
    /// Prices and cache: nothing on disk, writes refused when the memory is full.
    case market
    /// An append-only file, synced every second.
    case durable

    var name: String {
      switch self {
      case .market: "redis"
      case .durable: "redis-durable"
      }
    }
  }

  public let socketPath: String
  /// `unix:///...`, as `--redis` takes it.
  public var url: String { "unix://" + socketPath }
  /// Times it was started again.
  public var restarts: Int { server.restarts }
  public var processID: Int32? { server.processID }

  private let loop: EventLoop
  /// Held, for it is the lock on what the server uses.
  private let directory: StateDirectory
  private let server: SupervisedServer

  /// `executable` is looked up in PATH.
  public init(
    loop: EventLoop, directory: StateDirectory, role: Role, logger: Logger,
    executable: String = "redis-server"
  ) {
    loop.preconditionInLoop()
    self.loop = loop
    self.directory = directory
    let socketPath = directory.file(role.name + ".sock")
    self.socketPath = socketPath
    let command = ServerCommand(
      executable: executable,
      arguments: Self.arguments(role: role, socket: socketPath, directory: directory.path))
    server = SupervisedServer(
      loop: loop,
      plan: SupervisedServer.Plan(
        name: role.name, logPath: directory.file(role.name + ".log"),
        prepare: { (_) throws(ServiceSupportError) -> String? in
          unlink(socketPath)  // stale: the directory is ours and our server is not running
          return nil
        },
        command: { command },
        probe: { answered in RedisProbe(loop: loop, path: socketPath, answered) },
        stop: [(SIGTERM, ServiceSupportLimits.serverStopMilliseconds)],
        cleanUp: { unlink(socketPath) }),
      logger: logger)
  }

  /// Starts it and suspends until it has answered a PING. From then on it is supervised.
  public func start() async throws(ServiceSupportError) {
    loop.preconditionInLoop()
    // The directory is locked, so this can only be somebody who was started by hand.
    if await answers() {
      throw ServiceSupportError(.occupied, "\(socketPath): a Redis that is not ours answers there")
    }
    try await server.start()
  }

  /// SIGTERM, and SIGKILL after a bound; suspends until it has ended.
  public func stop() async { await server.stop() }

  private static func arguments(role: Role, socket: String, directory: String) -> [String] {
    let arguments: [String] = [
      "--port", "0", "--unixsocket", socket, "--unixsocketperm", "700",
      "--daemonize", "no", "--pidfile", "", "--logfile", "", "--dir", directory,
      "--save", "", "--maxmemory", "\(ServiceSupportLimits.redisMemoryBytesMax)",
      "--maxmemory-policy", "noeviction", "--always-show-logo", "no",
    ]
    return switch role {
    case .market: arguments + ["--appendonly", "no"]
    case .durable:
      arguments + [
        "--appendonly", "yes", "--appendfsync", "everysec", "--appenddirname", "redis-durable",
      ]
    }
  }

  /// Whether anybody answers on the socket; one who listens and says nothing counts too.
  private func answers() async -> Bool {
    let asking = Asking()
    return await withCheckedContinuation { continuation in
      let timer = LoopTimer(loop: loop) {
        asking.end()
        continuation.resume(returning: true)
      }
      asking.timer = timer
      timer.start(afterMilliseconds: ServiceSupportLimits.occupiedProbeMilliseconds)
      let probe = RedisProbe(loop: loop, path: socketPath) { answer in
        asking.end()
        continuation.resume(returning: answer != .refused)
      }
      if asking.timer != nil { asking.probe = probe }
    }
  }

  private final class Asking {
    var probe: RedisProbe?
    var timer: LoopTimer?

    func end() {
      probe?.close()
      timer?.close()
      timer = nil
    }
  }
}
