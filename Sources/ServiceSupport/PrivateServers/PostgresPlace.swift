// The directory of a private PostgreSQL, as found on disk: made or not, by which version, whether its
// server takes connections, and what a server that was killed has left.
//
// It belongs to the user who runs the server, who is less trusted than we may be: nothing in it is
// followed as a link, and nothing read from it is believed but a version and a word.
import Glibc

struct PostgresPlace: Sendable {
  /// DIR/postgres.
  let path: String
  /// Where it is made; renamed to `path` when it is complete.
  let unfinishedPath: String
  let logPath: String

  init(state: StateDirectory) {
    path = state.file(PrivatePostgres.name)
    unfinishedPath = state.file(PrivatePostgres.name + ".new")
    logPath = state.file(PrivatePostgres.name + ".log")
  }

  // MARK: - Making it

  var isMade: Bool { access(path, F_OK) == 0 }

  func makeUnfinished(owner: SystemUser?) throws(ServiceSupportError) {
    guard mkdir(unfinishedPath, 0o700) == 0 else { throw failure("cannot make it") }
    if let owner, chown(unfinishedPath, owner.id, owner.group) != 0 {
      throw failure("cannot give it to \(owner.name)")
    }
  }

  func finish() throws(ServiceSupportError) {
    guard rename(unfinishedPath, path) == 0 else { throw failure("cannot move it to its place") }
  }

  /// The major version that made it, as PG_VERSION says.
  func version() throws(ServiceSupportError) -> String {
    let text = read("PG_VERSION").map { $0.prefix { !$0.isNewline } } ?? ""
    guard !text.isEmpty, text.utf8.count <= 8, text.allSatisfy({ $0.isNumber || $0 == "." }) else {
      throw ServiceSupportError(
        .server, "\(path): no PostgreSQL data directory (its PG_VERSION cannot be read)")
    }
    return String(text)
  }

  func openLog() throws(ServiceSupportError) -> Int32 {
    let log = open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard log >= 0 else {
      throw ServiceSupportError(.directory, "\(logPath): \(lastSystemError())")
    }
    return log
  }

  private func failure(_ what: String) -> ServiceSupportError {
    ServiceSupportError(.directory, "\(path): \(what): \(lastSystemError())")
  }

  // MARK: - Asking it

  /// What the server itself writes for `pg_ctl --wait`: line 8 of postmaster.pid (miscadmin.h,
  /// LOCK_FILE_LINE_PM_STATUS).
  func answer() -> ServerAnswer {
    guard let text = read("postmaster.pid") else { return .refused }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count > 7 else { return .notYet("starting") }
    let word = lines[7].prefix { $0 != " " }
    return word == "ready" ? .ready : .notYet("\(word.prefix(16))")
  }

  private func read(_ name: String) -> String? {
    let descriptor = open(path + "/" + name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 1_024)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
  }

  // MARK: - What a killed server left

  /// The name that the server's processes bear in their titles: unlike the path, it can be read by
  /// everybody, and no other directory has it.
  var clusterName: String {
    var status = stat()
    guard stat(path, &status) == 0 else { return "tapedeck" }
    return "tapedeck-\(status.st_dev)-\(status.st_ino)"
  }

  /// Removes the lock files of a dead server, or says what is still running. The state directory is
  /// locked by us, so whoever runs here is of a predecessor that was killed, and about to notice;
  /// `insists` ends it. PostgreSQL's own check stands behind this one (the shared memory of a server
  /// whose children live on), but it takes any process that was given the dead server's number for
  /// the server itself.
  func clear(insists: Bool) throws(ServiceSupportError) -> String? {
    let left = leftovers()
    guard left.isEmpty else {
      if insists { for process in left { kill(process, SIGKILL) } }
      return "processes \(left.prefix(8).map { "\($0)" }.joined(separator: ", ")) of a server that "
        + "was killed are still there"
    }
    for name in ["postmaster.pid", ".s.PGSQL.5432", ".s.PGSQL.5432.lock"] {
      unlink(path + "/" + name)
    }
    return nil
  }

  /// Processes of a server of this directory, wherever they come from.
  func leftovers() -> [pid_t] {
    guard let entries = opendir("/proc") else { return [] }
    defer { closedir(entries) }
    let wanted = clusterName
    var found: [pid_t] = []
    while let entry = readdir(entries) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard let process = pid_t(name), Self.text("/proc/\(name)/comm") == "postgres" else {
        continue
      }
      let title = Self.text("/proc/\(name)/cmdline")
      let words = title.split(whereSeparator: { "\0 :=".contains($0) })
      if words.contains(where: { $0 == wanted }) { found.append(process) }
    }
    return found
  }

  private static func text(_ path: String) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4_096)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    guard count > 0 else { return "" }
    let text = String(decoding: bytes[..<count], as: UTF8.self)
    return text.hasSuffix("\n") ? String(text.dropLast()) : text
  }
}
