import EventLoops
import Feeds
import Glibc
import Logging
import Recording

/// How a recording shows itself: a line on the terminal, or one in the log now and then.
///
/// Called by the recorder's thread, and at the end by the main one.
final class RecordingDisplay: Sendable {
  private struct State {
    var messages: UInt64 = 0
    var seconds = 0
    var hasFailed = false
  }

  /// A log line as often.
  private static let logSeconds = 10

  private let logger: Logger
  private let state = Locked(State())

  init(logger: Logger) { self.logger = logger }

  func second(_ account: RecordingSession.Account) {
    let (rate, isTime) = state.withLock { state in
      defer { state.messages = account.messages }
      state.seconds += 1
      return (
        account.messages - min(account.messages, state.messages),
        state.seconds.isMultiple(of: RecordingDisplay.logSeconds)
      )
    }
    if TerminalLine.isThere {
      let waiting = account.isLive ? "" : ", waiting for the source"
      TerminalLine.show(
        "\(RecordingDisplay.text(account)), \(Figures.count(rate))/s\(waiting)")
    } else if isTime {
      logger.info(
        "recording",
        metadata: [
          "tape": "\(account.path)", "messages": "\(account.messages)",
          "bytes": "\(account.fileBytes)", "symbols": "\(account.symbols)", "rate": "\(rate)",
          "live": "\(account.isLive)",
        ])
    }
  }

  func hasFailed() {
    TerminalLine.clear()
    state.withLock { $0.hasFailed = true }
  }

  func end(_ account: RecordingSession.Account) {
    TerminalLine.clear()
    let kept = state.withLock { $0.hasFailed } ? "kept: " : ""
    print(kept + RecordingDisplay.text(account))
    if account.malformed > 0 {
      print("\(Figures.count(account.malformed)) messages were no JSON objects and are left out")
    }
    fflush(nil)
  }

  private static func text(_ account: RecordingSession.Account) -> String {
    let files = account.files > 1 ? " (file \(account.files))" : ""
    return
      "\(account.path)\(files): \(Figures.count(account.messages)) messages of "
      + "\(Figures.count(UInt64(account.symbols))) symbols, \(Figures.bytes(account.fileBytes)), "
      + Figures.span(milliseconds: account.milliseconds)
  }
}
