// A child process that cannot outlive this one, however this one ends.
//
// The kernel's parent-death signal (set by `setpriv --pdeathsig`) comes when the *thread* that spawned
// ends, and a test runs on threads of a pool that come and go. So each child has a thread of its own
// that spawns it, waits for its end and ends then.
import EventLoops
public import Glibc

public final class KeptProcess: Sendable {
  private struct State {
    /// 0: not spawned yet; negative: posix_spawn's error.
    var processID: pid_t = 0
    var status: Int32?
  }

  private let state = Locked(State())

  /// Starts `words[0]`, found in PATH, with inputs and outputs from and to /dev/null.
  /// - Parameters:
  ///   - user: whose process it is to be; nil: ours.
  ///   - deathSignal: what it gets when this process ends.
  public init(_ words: [String], user: String? = nil, deathSignal: String = "KILL") throws {
    let state = state
    let login = user.map { ["--reuid", $0, "--regid", $0, "--clear-groups"] } ?? []
    // setpriv sets the signal after the user: a change of user would clear it (prctl(2)).
    let keeper = Keeper(
      state: state, words: ["setpriv"] + login + ["--pdeathsig", deathSignal] + words)
    let argument = Unmanaged.passRetained(keeper).toOpaque()  // released by the thread
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<Keeper>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
      }, argument)
    guard code == 0 else {
      Unmanaged<Keeper>.fromOpaque(argument).release()
      throw PrivateServerError(description: "pthread_create: \(String(cString: strerror(code)))")
    }
    pthread_detach(thread)
    while processID == 0 { usleep(200) }
    guard processID > 0 else {
      throw PrivateServerError(
        description: "\(words[0]): \(String(cString: strerror(-processID)))")
    }
  }

  public var processID: pid_t { state.withLock { $0.processID } }
  public var hasEnded: Bool { state.withLock { $0.status != nil } }

  /// Nothing when it has ended: the keeper has reaped it, its number may be another's.
  public func send(_ signal: Int32) {
    state.withLock { state in
      if state.processID > 0, state.status == nil { _ = kill(state.processID, signal) }
    }
  }

  /// Sends `signal`; returns when it is gone.
  public func end(by signal: Int32 = SIGKILL) {
    send(signal)
    while !hasEnded { usleep(200) }
  }

  private final class Keeper: Sendable {
    let state: Locked<State>
    let words: [String]

    init(state: Locked<State>, words: [String]) {
      self.state = state
      self.words = words
    }

    func run() {
      let processID = spawn()
      state.withLock { $0.processID = processID }
      guard processID > 0 else { return }
      // Wait without reaping, so that the number stays the child's until the state says it ended.
      var information = siginfo_t()
      while waitid(P_PID, id_t(processID), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
      state.withLock { state in
        var status: Int32 = 0
        waitpid(processID, &status, 0)
        state.status = status
      }
    }

    private func spawn() -> pid_t {
      var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
      defer { for word in argv { free(word) } }
      var actions = posix_spawn_file_actions_t()
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      for descriptor: Int32 in 0...2 {
        posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
      }
      var processID: pid_t = 0
      let code = posix_spawnp(&processID, words[0], &actions, nil, &argv, environ)
      return code == 0 ? processID : -code
    }
  }
}
