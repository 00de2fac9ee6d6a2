// Standard input as a terminal that gives each key at once and shows none. What it was is put back at
// the orderly end, at `exit`, and before a fault ends the process (a trap, an abort): only SIGKILL
// leaves a terminal without echo, which `stty sane` repairs.
//
// Ctrl-C and Ctrl-Z stay signals. In the background nothing is read and nothing set, for either would stop
// the process; the shell has the terminal then, and has it as it was.
import Glibc

enum RawTerminal {
  /// As it was. Written on the main thread before `isRaw`, read by handlers only while that is true:
  /// hence `nonisolated(unsafe)`, for both.
  private nonisolated(unsafe) static var before = termios()
  private nonisolated(unsafe) static var isRaw = false
  private nonisolated(unsafe) static var isWatched = false
  private static let endings = [
    SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGFPE, SIGQUIT,
  ]
  /// By number, what handled them before. Made before the handlers are, and never freed.
  private nonisolated(unsafe) static let formers = {
    let count = Int(endings.max()!) + 1
    let all = UnsafeMutablePointer<sigaction>.allocate(capacity: count)
    all.initialize(repeating: sigaction(), count: count)
    return all
  }()

  /// Whether somebody sits there whom we may listen to: in the background reading would stop us.
  static var isThere: Bool {
    isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1
      && tcgetpgrp(STDIN_FILENO) == getpgrp()
  }

  /// False when it cannot be.
  static func enter() -> Bool {
    guard isThere, isRaw || tcgetattr(STDIN_FILENO, &before) == 0 else { return false }
    watchTheEnd()
    var raw = before
    raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
    withUnsafeMutableBytes(of: &raw.c_cc) { keys in
      keys[Int(VMIN)] = 0
      keys[Int(VTIME)] = 0
    }
    isRaw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0
    return isRaw
  }

  static func leave() {
    guard isRaw else { return }
    isRaw = false
    putBack()
  }

  /// Both calls are safe in a signal's handler. TCSANOW: no wait for a terminal that takes nothing.
  private static func putBack() {
    guard tcgetpgrp(STDIN_FILENO) == getpgrp() else { return }
    tcsetattr(STDIN_FILENO, TCSANOW, &before)
  }

  private static func watchTheEnd() {
    guard !isWatched else { return }
    isWatched = true
    atexit { RawTerminal.leave() }
    // Signals that end the process; the loop has SIGINT, SIGTERM and SIGHUP, which may mean no end.
    for number in endings {
      sigaction(number, nil, &formers[Int(number)])
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { number in
        RawTerminal.leave()
        // Whoever handled it before, the runtime's backtrace for one, does so when this returns: it
        // is pending until then, and finds the place of the fault as it was.
        sigaction(number, &RawTerminal.formers[Int(number)], nil)
        raise(number)
      }
      sigaction(number, &action, nil)
    }
  }
}
