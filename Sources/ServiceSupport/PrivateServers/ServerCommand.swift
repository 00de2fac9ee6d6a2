// The command line of a child that must not outlive us, perhaps as another user.
//
// `setpriv` sets the parent-death signal, so the kernel ends the child when the spawning thread ends.
// It does so after it has changed the user: the kernel forgets that signal when a process changes its
// credentials (prctl(2)). The shell behind it closes the gap between fork and prctl: a parent that is
// gone by then is no longer its parent, and the child does not start. `setsid` keeps a terminal's
// Ctrl-C from the child: it is stopped in order, after its clients.
//
// A directory is handed over as descriptor 9, opened as ourselves: the child reaches it as
// `ServerCommand.directory` whoever may enter the directories above it.
import EventLoops
import Glibc

struct ServerCommand {
  /// The path by which the child reaches the directory it was given.
  static let directory = "/proc/self/fd/9"

  /// Looked up in PATH.
  var executable: String
  var arguments: [String]
  /// A user to become, by number.
  var user: SystemUser?
  /// What the child reaches as `ServerCommand.directory`.
  var directory: String?

  func spawn(
    loop: EventLoop, output: Int32, _ exited: @escaping (LoopProcess.Exit) -> Void
  ) throws(EventLoopError) -> LoopProcess {
    let words = words(parent: getpid())
    return try LoopProcess(
      loop: loop, executable: words[0], arguments: Array(words.dropFirst()),
      environment: environment(), output: output, exited)
  }

  func words(parent: Int32) -> [String] {
    var words: [String] = []
    if let directory {
      words += ["sh", "-c", #"cd / && exec 9<"$0" && exec "$@""#, directory]
    }
    words += ["setpriv"]
    if let user {
      words += ["--reuid", "\(user.id)", "--regid", "\(user.group)", "--init-groups"]
    }
    words += [
      "--pdeathsig", "KILL", "--", "setsid", "--", "sh", "-c",
      #"test "$PPID" = "$0" || exit 1; exec "$@""#, "\(parent)", executable,
    ]
    return words + arguments
  }

  /// No more than it needs: our own environment may hold secrets.
  private func environment() -> [String] {
    ["PATH", "HOME", "LANG", "TZ"].compactMap { name in
      StateDirectory.environmentVariable(name).map { "\(name)=\($0)" }
    }
  }
}

/// A user of this machine.
struct SystemUser: Equatable {
  let name: String
  let id: uid_t
  let group: gid_t

  static func named(_ name: String) -> SystemUser? {
    getpwnam(name).map { SystemUser($0.pointee) }
  }

  /// Whoever this process runs as.
  static func current() -> SystemUser? {
    getpwuid(geteuid()).map { SystemUser($0.pointee) }
  }

  private init(_ entry: passwd) {
    name = String(cString: entry.pw_name)
    id = entry.pw_uid
    group = entry.pw_gid
  }
}
