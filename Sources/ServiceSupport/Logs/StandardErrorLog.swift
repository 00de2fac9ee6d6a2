// The swift-log backend: one line a record to standard error,
// `2026-11-21T10:00:00.123Z info gateway: message key=value`.
//
// It never blocks the thread that logs: a line is at most PIPE_BUF bytes long and is written only
// when the descriptor polls writable; a line that finds a full pipe is dropped, counted, and the
// count is said in front of the next line that gets through. Control characters from outside are
// escaped, so that nobody can forge a second line. Any thread may log; the lock is held for one
// poll and one write.
import EventLoops
import Glibc
public import Logging

/// Where lines go. One for the process; tests make their own.
public final class LogOutput: Sendable {
  public static let standardError = LogOutput(descriptor: STDERR_FILENO)

  private let descriptor: Int32
  private let dropped = Locked(0)

  /// `descriptor` stays the caller's.
  public init(descriptor: Int32) { self.descriptor = descriptor }

  /// Lines lost because the reader of the log did not keep up.
  public var droppedCount: Int { dropped.withLock { $0 } }

  /// Writes `line` and a line end, or drops it.
  public func write(_ line: String) {
    dropped.withLock { dropped in
      if dropped > 0 {
        guard send("... \(dropped) log lines dropped: the reader does not keep up") else {
          dropped += 1
          return
        }
        dropped = 0
      }
      if !send(line) { dropped += 1 }
    }
  }

  private func send(_ line: String) -> Bool {
    var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    guard Glibc.poll(&poll, 1, 0) == 1, poll.revents & Int16(POLLOUT) != 0 else { return false }
    var bytes = Array(line.utf8.prefix(ServiceSupportLimits.logLineBytesMax - 1))
    bytes.append(UInt8(ascii: "\n"))
    return bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress!, $0.count) } >= 0
  }
}

public struct StandardErrorLog: LogHandler {
  private let label: String
  private let output: LogOutput
  private let now: @Sendable () -> Int64
  public var logLevel: Logger.Level
  public var metadata: Logger.Metadata = [:]
  public var metadataProvider: Logger.MetadataProvider?

  public init(
    label: String, level: Logger.Level, output: LogOutput = .standardError,
    now: @escaping @Sendable () -> Int64 = LogLine.wallNanoseconds
  ) {
    self.label = label
    self.output = output
    self.now = now
    logLevel = level
  }

  /// Makes this the backend of every `Logger` of the process. Once, at start.
  public static func bootstrap(level: Logger.Level) {
    LoggingSystem.bootstrap { StandardErrorLog(label: $0, level: level) }
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    var all = metadata
    if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
    if let own = event.metadata { all.merge(own) { _, new in new } }
    output.write(
      LogLine.text(
        time: now(), level: event.level, label: label, message: event.message.description,
        metadata: all))
  }
}

/// How a log line looks.
public enum LogLine {
  /// Nanoseconds since 1970.
  @Sendable public static func wallNanoseconds() -> Int64 { EventLoop.wallNanoseconds }

  static func text(
    time: Int64, level: Logger.Level, label: String, message: String, metadata: Logger.Metadata
  ) -> String {
    var line = timestamp(time)
    line += " \(level.rawValue) \(label): "
    append(message, to: &line)
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
      line += " "
      append(key, to: &line)
      line += "="
      appendValue(value.description, to: &line)
    }
    return line
  }

  /// `2026-11-21T10:00:00.123Z`
  static func timestamp(_ nanoseconds: Int64) -> String {
    var seconds = Int(nanoseconds / 1_000_000_000)
    var civil = tm()
    gmtime_r(&seconds, &civil)
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let thousandths = String(1_000 + nanoseconds % 1_000_000_000 / 1_000_000).dropFirst()
    return "\(civil.tm_year + 1900)-\(two(civil.tm_mon + 1))-\(two(civil.tm_mday))T"
      + "\(two(civil.tm_hour)):\(two(civil.tm_min)):\(two(civil.tm_sec)).\(thousandths)Z"
  }

  /// Control characters become `\n`, `\u{1B}`: one record stays one line and no terminal obeys it.
  private static func append(_ text: String, to line: inout String) {
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": line += "\\n"
      case "\r": line += "\\r"
      case "\t": line += "\\t"
      case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
        line += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
      default: line.unicodeScalars.append(scalar)
      }
    }
  }

  /// A value with a space, a quote or `=` in it is quoted, so that a line can be split again.
  private static func appendValue(_ text: String, to line: inout String) {
    guard text.isEmpty || text.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" }) else {
      return append(text, to: &line)
    }
    line += "\""
    append(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""), to: &line)
    line += "\""
  }
}
