import Ingest
import MarketData

/// A Redis that writes down what it is told, and can refuse.
final class RecordingSink: MarketSink {
  enum Command: Hashable {
    case set(key: String, value: String, ttl: UInt32)
    case publish(channel: String, message: String)
    case delete(key: String)

    var isSet: Bool { if case .set = self { true } else { false } }
    var isPublication: Bool { if case .publish = self { true } else { false } }
    var isDeletion: Bool { if case .delete = self { true } else { false } }

    /// The key or channel.
    var name: String {
      switch self {
      case .set(let name, _, _), .publish(let name, _), .delete(let name): name
      }
    }

    /// The value or message; empty for a deletion.
    var body: String {
      switch self {
      case .set(_, let body, _), .publish(_, let body): body
      case .delete: ""
      }
    }
  }

  /// What was taken, in order.
  private(set) var commands: [Command] = []
  private(set) var refused = 0
  /// Whether a command is taken.
  var takes: (Command) -> Bool = { _ in true }

  private func receive(_ command: Command) -> Bool {
    guard takes(command) else {
      refused += 1
      return false
    }
    commands.append(command)
    return true
  }

  func set(key: RawSpan, value: RawSpan, ttlMilliseconds: UInt32) -> Bool {
    receive(.set(key: text(key), value: text(value), ttl: ttlMilliseconds))
  }

  func publish(channel: RawSpan, message: RawSpan) -> Bool {
    receive(.publish(channel: text(channel), message: text(message)))
  }

  func delete(key: RawSpan) -> Bool { receive(.delete(key: text(key))) }

  /// What was taken since the last call.
  func drain() -> [Command] {
    defer { commands.removeAll() }
    return commands
  }

  private func text(_ bytes: RawSpan) -> String {
    bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }
}
