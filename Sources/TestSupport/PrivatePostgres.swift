// A PostgreSQL of one test's own: a cluster in a temporary directory, on a Unix socket and, when asked,
// on a TCP port that the system chose. Synchronous and free of the code under test: it is asked through
// psql. It is not durable (fsync off), and it ends with the test process, see KeptProcess.
//
// PostgreSQL refuses to run as root; then it runs as the user `postgres`, who owns the directory.
// Everybody logs in without a password on the socket, but for the role `locked`, which needs one there,
// as everybody does over TCP.
//
// One thread at a time. `close` (or deinit) ends the server and removes the directory.
import EventLoops
public import Glibc

public final class PrivatePostgres {
  /// Below the system's temporary directory; the socket is in it.
  public let directory: String
  /// Also part of the socket's name.
  public let port: UInt16
  public let hasTCP: Bool
  /// Of the postmaster.
  public var processID: pid_t { process?.processID ?? 0 }

  /// For user and database `postgres`.
  public var url: String { url() }

  private let settings: [String]
  private var process: KeptProcess?
  private var owner: String? { PrivatePostgres.owner }

  /// Makes a cluster, starts it and waits until it serves.
  /// - Parameters:
  ///   - settings: further settings, `name=value`.
  ///   - tcp: also listen on 127.0.0.1, on a port that was free a moment ago.
  public init(settings: [String] = [], tcp: Bool = false) throws {
    directory = try PrivatePostgres.freshDirectory()
    port = try PrivateRedis.freePort()
    hasTCP = tcp
    self.settings = settings
    let template = try PrivatePostgres.template.get()
    try PrivatePostgres.run(["cp", "-a", "\(template)/data", dataDirectory])
    try write(
      """
      local all locked scram-sha-256
      local replication all trust
      local all all trust
      host all all 127.0.0.1/32 scram-sha-256

      """, to: "\(dataDirectory)/pg_hba.conf")
    try start()
  }

  /// A hot standby of `primary`: it follows it, and it refuses writes.
  public init(standbyOf primary: PrivatePostgres) throws {
    directory = try PrivatePostgres.freshDirectory()
    port = try PrivateRedis.freePort()
    hasTCP = false
    settings = []
    try PrivatePostgres.run([
      "\(PrivatePostgres.programs)/pg_basebackup", "-D", dataDirectory, "-h", primary.directory,
      "-p", String(primary.port),
      "-U", "postgres", "-R", "-X", "stream", "-c", "fast", "--no-sync",
    ])
    try start()
  }

  deinit { close() }

  public func url(user: String = "postgres", database: String = "postgres") -> String {
    "postgresql://\(user)@/\(database)?host=\(directory)&port=\(port)"
  }

  private var dataDirectory: String { "\(directory)/data" }

  // MARK: - Life

  /// Starts it again after `kill` or `end`, on the same socket and port.
  public func start() throws {
    precondition(process == nil, "the private PostgreSQL runs")
    var words = [
      "\(PrivatePostgres.programs)/postgres", "-D", dataDirectory, "-k", directory, "-p",
      String(port),
    ]
    // Not synchronous_commit=off: what was committed has to survive the kill of a backend.
    let basics = [
      "listen_addresses=\(hasTCP ? "127.0.0.1" : "")", "fsync=off",
      "full_page_writes=off", "shared_buffers=32MB", "max_connections=64", "autovacuum=off",
      "logging_collector=on", "log_directory=\(directory)", "log_filename=postgres.log",
    ]
    for setting in basics + settings { words += ["-c", setting] }
    // SIGQUIT: ends at once, as by SIGKILL, but gives its shared memory back.
    let process = try KeptProcess(words, user: owner, deathSignal: "QUIT")
    self.process = process
    let deadline = PrivatePostgres.now() + 30
    while !serves {
      guard !process.hasEnded else {
        self.process = nil
        throw PrivateServerError(description: "postgres ended at once: \(log)")
      }
      guard PrivatePostgres.now() < deadline else {
        kill()
        throw PrivateServerError(description: "postgres did not serve within 30 s")
      }
      usleep(5_000)
    }
  }

  /// SIGKILL to the postmaster and every backend; returns when all are gone.
  public func kill() {
    guard let process else { return }
    let family = children
    process.end()
    for child in family { Glibc.kill(child, SIGKILL) }
    for child in family { while PrivatePostgres.isRunning(child) { usleep(1_000) } }
    self.process = nil
  }

  /// A fast shutdown: sessions are ended by an administrator's command, data are written.
  public func end() {
    process?.end(by: SIGINT)
    process = nil
  }

  public func restart() throws {
    end()
    try start()
  }

  /// SIGSTOP to all its processes: connections stay, new ones are accepted by the kernel, nothing is
  /// answered.
  public func stop() {
    process?.send(SIGSTOP)
    for child in children { Glibc.kill(child, SIGSTOP) }
  }

  /// SIGCONT.
  public func resume() {
    for child in children { Glibc.kill(child, SIGCONT) }
    process?.send(SIGCONT)
  }

  /// SIGKILL to one backend: the server then ends all sessions and recovers.
  public func killBackend(_ processID: pid_t) { Glibc.kill(processID, SIGKILL) }

  public func close() {
    resume()
    process?.end(by: SIGQUIT)
    process = nil
    removeDirectory(directory)
  }

  // MARK: - Looking in from outside

  /// Runs `sql` through psql as user `postgres` and returns its unaligned output, rows by newline and
  /// columns by `|`, without the last newline. Throws what psql says when it fails.
  @discardableResult
  public func psql(_ sql: String, database: String = "postgres") throws -> String {
    let result = try CapturedCommand([
      "\(PrivatePostgres.programs)/psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h",
      directory, "-p", String(port), "-U", "postgres", "-d", database, "-c", sql,
    ])
    guard result.status == 0 else { throw PrivateServerError(description: result.output) }
    return result.output.hasSuffix("\n") ? String(result.output.dropLast()) : result.output
  }

  /// The end of the server's log.
  public var log: String {
    guard let file = fopen("\(directory)/postgres.log", "r") else { return "no log" }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  /// The postmaster writes its state into the eighth line of its file.
  private var serves: Bool {
    guard let file = fopen("\(dataDirectory)/postmaster.pid", "r") else { return false }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 4_096)
    let count = fread(&bytes, 1, bytes.count, file)
    let lines = String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n")
    guard let first = lines.first, first == String(processID), let last = lines.last else {
      return false
    }
    return last.hasPrefix("ready") || last.hasPrefix("standby")
  }

  // MARK: - Processes

  private var children: [pid_t] {
    guard processID > 0, let stream = opendir("/proc") else { return [] }
    defer { closedir(stream) }
    var found: [pid_t] = []
    while let entry = readdir(stream) {
      let name = TestSupport.name(of: entry)
      guard let number = pid_t(name), PrivatePostgres.status(number)?.parent == processID else {
        continue
      }
      found.append(number)
    }
    return found
  }

  private static func isRunning(_ processID: pid_t) -> Bool {
    guard let status = status(processID) else { return false }
    return status.state != "Z" && status.state != "X"
  }

  /// From /proc/PID/stat: `12 (postgres) S 1 ...`; a name may hold spaces and brackets.
  private static func status(_ processID: pid_t) -> (state: Substring, parent: pid_t)? {
    guard let file = fopen("/proc/\(processID)/stat", "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1_024)
    let count = fread(&bytes, 1, bytes.count, file)
    let text = String(decoding: bytes[..<count], as: UTF8.self)
    guard let bracket = text.lastIndex(of: ")") else { return nil }
    let words = text[bracket...].split(separator: " ")
    guard words.count > 2, let parent = pid_t(words[2]) else { return nil }
    return (words[1], parent)
  }

  // MARK: - System

  /// Whom it runs as; nil: us.
  private static let owner: String? = getuid() == 0 ? "postgres" : nil

  /// The folder of initdb and postgres: Debian keeps them out of PATH, one folder per version.
  private static let programs: String = {
    var found = glob_t()
    defer { globfree(&found) }
    guard glob("/usr/lib/postgresql/*/bin", 0, nil, &found) == 0, found.gl_pathc > 0,
      let last = found.gl_pathv[Int(found.gl_pathc) - 1]
    else { return "/usr/bin" }
    return String(cString: last)
  }()

  /// One fresh cluster per process, which each server copies: initdb takes a second, a copy 50 ms.
  private static let template: Result<String, PrivateServerError> = {
    do {
      let directory = try freshDirectory()
      templateDirectory.withLock { $0 = directory }
      atexit { PrivatePostgres.templateDirectory.withLock { removeDirectory($0) } }
      try run([
        "\(programs)/initdb", "-D", "\(directory)/data", "-A", "trust", "-U", "postgres", "-E",
        "UTF8", "--locale=C", "--no-sync", "--no-instructions",
      ])
      return .success(directory)
    } catch {
      return .failure(
        error as? PrivateServerError ?? PrivateServerError(description: "\(error)"))
    }
  }()
  private static let templateDirectory = Locked("")

  private static func run(_ words: [String]) throws {
    let result = try CapturedCommand(words, user: owner)
    guard result.status == 0 else {
      throw PrivateServerError(description: "\(words[0]): \(result.output)")
    }
  }

  private func write(_ text: String, to path: String) throws {
    guard let file = fopen(path, "w") else {
      throw PrivateServerError(description: "\(path): \(String(cString: strerror(errno)))")
    }
    fputs(text, file)
    fclose(file)
  }

  private static func freshDirectory() throws -> String {
    var template = Array("\(PrivateRedis.temporaryDirectory)/tapedeck-postgres-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw PrivateServerError(description: "mkdtemp: \(String(cString: strerror(errno)))")
    }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    // Others may reach the socket, the owner writes.
    chmod(path, 0o755)
    if let owner, let entry = getpwnam(owner) {
      chown(path, entry.pointee.pw_uid, entry.pointee.pw_gid)
    }
    return path
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
