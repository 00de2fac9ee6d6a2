import Glibc

/// One line on standard error that is written over; only where standard error is a terminal.
enum TerminalLine {
  static var isThere: Bool { isatty(STDERR_FILENO) == 1 }

  /// The cursor goes back to the start, so that a line of the log takes its place.
  static func show(_ text: String) { write("\r\(text)\u{1b}[K\r") }

  /// As `show`, with the cursor at the line's beginning: a line of the log writes over it.
  static func showUnder(_ text: String) { write("\r\(text)\u{1b}[K\r") }

  /// Leaves an empty line for what comes next.
  static func clear() { write("\r\u{1b}[K") }

  private static func write(_ text: String) {
    guard isThere else { return }
    var text = text
    text.withUTF8 { _ = Glibc.write(STDERR_FILENO, $0.baseAddress!, $0.count) }
  }
}
