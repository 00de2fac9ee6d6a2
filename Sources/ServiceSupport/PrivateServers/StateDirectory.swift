// The directory of a `tapedeck up`: sockets, logs and files of its private servers.
//
// Mode 0700, for the servers' sockets have no password. Held by an exclusive flock on DIR/lock as
// long as the process lives: a second instance is told so, and the kernel releases it however the
// first one ended, so whatever sockets and pid files are found after locking are stale. The lock's
// descriptor is closed on exec: a child never holds it.
import Glibc

public final class StateDirectory: Sendable {
  /// Absolute.
  public let path: String
  private let lock: Int32

  private init(path: String, lock: Int32) {
    self.path = path
    self.lock = lock
  }

  deinit { close(lock) }

  /// `$XDG_CACHE_HOME/tapedeck` or `$HOME/.cache/tapedeck`.
  public static func defaultPath(
    environment: (String) -> String? = StateDirectory.environmentVariable
  ) throws(ServiceSupportError) -> String {
    // XDG base directory specification: a relative path in it is to be ignored.
    if let cache = environment("XDG_CACHE_HOME"), cache.hasPrefix("/") {
      return cache + "/tapedeck"
    }
    if let home = environment("HOME"), home.hasPrefix("/") { return home + "/.cache/tapedeck" }
    throw ServiceSupportError(
      .directory, "no state directory: neither XDG_CACHE_HOME nor HOME is set; give --state DIR")
  }

  /// A variable of this process's environment.
  public static func environmentVariable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  /// Makes the directory (and those above it) if need be, and locks it.
  public static func open(_ path: String) throws(ServiceSupportError) -> StateDirectory {
    let path = try absolute(path)
    let longest = path + PrivatePostgres.socketSuffix
    guard longest.utf8.count <= ServiceSupportLimits.socketPathBytesMax else {
      throw ServiceSupportError(
        .directory,
        "state directory \(path): too long for a Unix socket (\(longest.utf8.count) bytes with its "
          + "name, at most \(ServiceSupportLimits.socketPathBytesMax)); give a shorter --state DIR")
    }
    try makeDirectories(path)
    let lock = Glibc.open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lock >= 0 else { throw failure(path, "cannot make its lock file") }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      let busy = errno == EWOULDBLOCK
      let holder = busy ? holder(lock) : ""
      let error =
        busy
        ? ServiceSupportError(
          .occupied,
          "state directory \(path): another tapedeck\(holder) is using it; stop it or give "
            + "another --state DIR") : failure(path, "cannot lock it")
      close(lock)
      throw error
    }
    let me = "\(getpid())\n"
    ftruncate(lock, 0)
    _ = me.withCString { pwrite(lock, $0, me.utf8.count, 0) }  // only for the message above
    return StateDirectory(path: path, lock: lock)
  }

  /// The path of a socket or a file in it.
  public func file(_ name: String) -> String { path + "/" + name }

  // MARK: -

  private static func absolute(_ path: String) throws(ServiceSupportError) -> String {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw ServiceSupportError(.directory, "state directory: the path is empty")
    }
    guard !path.hasPrefix("/") else { return path }
    guard let current = getcwd(nil, 0) else { throw failure(path, "no current directory") }
    defer { free(current) }
    return String(cString: current) + "/" + path
  }

  private static func makeDirectories(_ path: String) throws(ServiceSupportError) {
    var made = ""
    for part in path.split(separator: "/") {
      made += "/" + part
      guard mkdir(made, 0o700) != 0, errno != EEXIST else { continue }
      throw failure(path, "cannot make \(made)")
    }
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw ServiceSupportError(.directory, "state directory \(path): not a directory")
    }
    guard status.st_uid == geteuid() else {
      throw ServiceSupportError(.directory, "state directory \(path): belongs to another user")
    }
    guard chmod(path, 0o700) == 0 else { throw failure(path, "cannot set its mode") }
  }

  private static func failure(_ path: String, _ what: String) -> ServiceSupportError {
    ServiceSupportError(.directory, "state directory \(path): \(what): \(lastSystemError())")
  }

  /// ` (process 123)`, as the holder wrote it.
  private static func holder(_ lock: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 16)
    let count = pread(lock, &bytes, bytes.count, 0)
    guard count > 0, let pid = Int(String(decoding: bytes[..<count], as: UTF8.self).trimmingLine())
    else { return "" }
    return " (process \(pid))"
  }
}

extension String {
  fileprivate func trimmingLine() -> String {
    var text = self
    while text.last?.isNewline == true { text.removeLast() }
    return text
  }
}
