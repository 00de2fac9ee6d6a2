// A PostgreSQL server of our own: a supervised child with its files and its Unix socket in DIR/postgres
// and no TCP port. See `SupervisedServer` for its life.
//
// PostgreSQL refuses to run as root. When we are root it runs as the user `postgres`, who owns
// DIR/postgres and nothing else: DIR keeps its mode 0700, and so do the directories above it (often
// root's home). The server reaches its directory through a descriptor that it inherits, see
// `ServerCommand`, and its socket is there too, under its own working directory's name. Logging in is
// by the kernel's word about the peer (`peer`): only the user who runs us has a role.
//
// The directory is made once, beside its place, and renamed when it is complete. Belongs to its
// loop's thread.
public import EventLoops
import Glibc
public import Logging

public final class PrivatePostgres {
  /// The directory of the data and of the socket; `psql -h DIRECTORY tapedeck` talks to it.
  public let directoryPath: String
  /// `postgresql:///tapedeck?host=...`, as `--postgres` takes it.
  public var url: String {
    "postgresql:///\(Self.database)?host=\(Self.percentEncoded(directoryPath))"
      + "&user=\(Self.percentEncoded(roleName))"
  }
  /// Times it was started again.
  public var restarts: Int { server.restarts }
  public var processID: Int32? { server.processID }

  static let name = "postgres"
  static let database = "tapedeck"
  /// The end of the socket's path: it has to fit sockaddr_un.
  static let socketSuffix = "/\(name)/.s.PGSQL.5432"

  private let loop: EventLoop
  /// Held, for it is the lock on what the server uses.
  private let directory: StateDirectory
  private let logger: Logger
  private let installation: PostgresInstallation
  private let place: PostgresPlace
  private let roleName: String
  private let server: SupervisedServer
  private var isStopped = false
  private var maker: LoopProcess?

  /// Finds the programs and checks what is in `directory`; starts nothing.
  /// - Parameter programs: where Debian keeps them, a directory of each major version.
  public init(
    loop: EventLoop, directory: StateDirectory, logger: Logger,
    programs: String = "/usr/lib/postgresql"
  ) throws(ServiceSupportError) {
    loop.preconditionInLoop()
    self.loop = loop
    self.logger = logger
    self.directory = directory
    let place = PostgresPlace(state: directory)
    self.place = place
    directoryPath = place.path
    let installation = try PostgresInstallation.find(in: programs, for: place)
    self.installation = installation
    guard let me = SystemUser.current() else {
      throw ServiceSupportError(
        .system, "PostgreSQL needs a user with a name; \(geteuid()) has none")
    }
    roleName = me.name
    let user = try Self.user()
    server = SupervisedServer(
      loop: loop,
      plan: SupervisedServer.Plan(
        name: Self.name, logPath: place.logPath,
        prepare: { (insists) throws(ServiceSupportError) -> String? in
          try place.clear(insists: insists)
        },
        command: {
          ServerCommand(
            executable: installation.program("postgres"),
            arguments: PostgresSettings.arguments(clusterName: place.clusterName),
            user: user, directory: place.path)
        },
        probe: { answered in
          answered(place.answer())
          return nil
        },
        stop: [
          // "Fast": sessions are ended, a checkpoint is written.
          (SIGINT, ServiceSupportLimits.postgresFastStopMilliseconds),
          // "Immediate": nothing is written, the next start recovers.
          (SIGQUIT, ServiceSupportLimits.postgresImmediateStopMilliseconds),
        ],
        cleanUp: {}),
      logger: logger)
  }

  /// Makes the database if need be, starts the server and suspends until it takes connections. From
  /// then on it is supervised. Cancellation stops it.
  public func start() async throws(ServiceSupportError) {
    loop.preconditionInLoop()
    if !place.isMade { try await make() }
    guard !isStopped, !Task.isCancelled else {
      throw ServiceSupportError(.server, "\(Self.name): stopped before it was ready")
    }
    try await server.start()
  }

  /// A fast shutdown, then an immediate one, then SIGKILL; suspends until it has ended.
  public func stop() async {
    loop.preconditionInLoop()
    isStopped = true
    if let maker { Self.end(maker) }
    await server.stop()
  }

  // MARK: - The first time

  private func make() async throws(ServiceSupportError) {
    let user = try Self.user()
    let started = loop.nowMilliseconds
    try await removeUnfinished()
    try place.makeUnfinished(owner: user)
    let script = #"""
      "$1/initdb" -D "$0" --username "$2" --auth-local peer --auth-host reject \
        --encoding UTF8 --locale C --no-instructions &&
      echo "CREATE DATABASE $3" |
        "$1/postgres" --single -D "$0" -c log_checkpoints=off postgres
      """#
    try await run(
      "make a database in \(place.path)",
      ServerCommand(
        executable: "sh",
        arguments: [
          "-c", script, ServerCommand.directory, installation.directory, roleName, Self.database,
        ],
        user: user, directory: place.unfinishedPath))
    try place.finish()
    let took = loop.nowMilliseconds &- started
    logger.info("made a PostgreSQL \(installation.major) database in \(place.path) in \(took) ms")
  }

  /// What an unfinished start left. Its `initdb` may have outlived it and still be writing; without
  /// its files it soon gives up.
  private func removeUnfinished() async throws(ServiceSupportError) {
    var attempts = ServiceSupportLimits.postgresRemoveAttempts
    while true {
      do throws(ServiceSupportError) {
        return try await run(
          "remove what an unfinished start left",
          ServerCommand(executable: "rm", arguments: ["-rf", "--", place.unfinishedPath]))
      } catch {
        attempts -= 1
        guard attempts > 0, !isStopped, !Task.isCancelled else { throw error }
        await loop.sleep(milliseconds: ServiceSupportLimits.postgresRemoveAgainMilliseconds)
      }
    }
  }

  /// Ends what makes the database and all that it started: it leads a group of its own from the moment
  /// that `setsid` has run.
  private static func end(_ process: LoopProcess) {
    guard process.isRunning else { return }
    kill(-process.processID, SIGKILL)
    process.send(signal: SIGKILL)
  }

  /// Runs a program to its end, within a bound.
  private func run(
    _ purpose: String, _ command: ServerCommand
  ) async throws(ServiceSupportError) {
    let log = try place.openLog()
    defer { close(log) }
    let result: LoopProcess.Exit
    do {
      result = try await exit(of: command, log: log)
    } catch {
      throw ServiceSupportError(.server, "\(Self.name): cannot \(purpose): \(error)")
    }
    guard !isStopped, !Task.isCancelled else {
      throw ServiceSupportError(.server, "\(Self.name): stopped before it was ready")
    }
    guard result.status == 0, result.signal == 0 else {
      let how = result.signal != 0 ? "by signal \(result.signal)" : "with status \(result.status)"
      let line = LastLine.of(place.logPath).map { "; its log ends: \($0)" } ?? ""
      throw ServiceSupportError(.server, "\(Self.name): cannot \(purpose): ended \(how)\(line)")
    }
  }

  private func exit(
    of command: ServerCommand, log: Int32
  ) async throws(EventLoopError) -> LoopProcess.Exit {
    let waiter = ExitWaiter()
    let process = try command.spawn(loop: loop, output: log) { waiter.exited($0) }
    maker = process
    let bound = LoopTimer(loop: loop) { Self.end(process) }
    bound.start(afterMilliseconds: ServiceSupportLimits.postgresMakeMilliseconds)
    let killer = Killer(process)
    let loop = loop
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { waiter.wait($0) }
    } onCancel: {
      loop.submit { killer.kill() }
    }
    killer.process = nil
    bound.close()
    process.close()
    maker = nil
    return result
  }

  /// The end of a process, whichever comes first: it or the one who waits for it.
  private final class ExitWaiter {
    private var exit: LoopProcess.Exit?
    private var waiting: CheckedContinuation<LoopProcess.Exit, Never>?

    func exited(_ exit: LoopProcess.Exit) {
      self.exit = exit
      waiting?.resume(returning: exit)
      waiting = nil
    }

    func wait(_ continuation: CheckedContinuation<LoopProcess.Exit, Never>) {
      guard let exit else { return waiting = continuation }
      continuation.resume(returning: exit)
    }
  }

  /// `@unchecked Sendable`: touched on the loop's thread only, by `exit` and by submitted work.
  private final class Killer: @unchecked Sendable {
    var process: LoopProcess?
    init(_ process: LoopProcess) { self.process = process }
    func kill() {
      if let process { PrivatePostgres.end(process) }
    }
  }

  // MARK: -

  /// Whom the server runs as, nil for ourselves.
  private static func user() throws(ServiceSupportError) -> SystemUser? {
    guard geteuid() == 0 else { return nil }
    guard let user = SystemUser.named("postgres"), user.id != 0 else {
      throw ServiceSupportError(
        .system,
        "PostgreSQL does not run as root, and there is no user 'postgres' to run it as; the package "
          + "postgresql-common makes it")
    }
    return user
  }

  /// For a part of a URI's query (RFC 3986: everything but unreserved characters and the slash).
  static func percentEncoded(_ text: String) -> String {
    var encoded = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "/"):
        encoded.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = Array("0123456789ABCDEF")
        encoded += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
      }
    }
    return encoded
  }
}
