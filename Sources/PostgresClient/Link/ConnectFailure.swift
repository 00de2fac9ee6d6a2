// Why libpq could not connect, from its text: it offers no code for it. The text is asked in verbose
// form, `... FATAL:  28P01: password authentication failed for user "x"` and lines of source places.
// It names host and user and never holds the password.

enum ConnectFailure {
  static func reason(host: String, message: String) -> PostgresDown {
    // "session is read-only" and "server is in hot standby mode" are libpq's own, untranslated as
    // long as nobody calls setlocale.
    if message.contains("session is read-only") || message.contains("hot standby mode") {
      return .readOnly(host: host)
    }
    let line = firstLine(message)
    guard let mark = line.firstRange(of: ":  ") else {
      return .connectFailed(host: host, reason: ResultText.bounded(String(line)))
    }
    let report = line[mark.upperBound...]
    let state = report.prefix(5)
    guard state.utf8.count == 5, state.allSatisfy({ $0.isNumber || ("A"..."Z").contains($0) }),
      report.dropFirst(5).hasPrefix(": ")
    else { return .connectFailed(host: host, reason: ResultText.bounded(String(line))) }
    return .refused(
      host: host, sqlState: String(state), reason: ResultText.bounded(String(report.dropFirst(7))))
  }

  private static func firstLine(_ text: String) -> Substring {
    text.split(whereSeparator: \.isNewline).first ?? "no reason given"
  }
}
