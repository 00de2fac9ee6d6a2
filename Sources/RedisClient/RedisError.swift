/// Why a command has no answer. Null is not an error: it is an answer, `nil` where a type allows it.
public enum RedisError: Error, Hashable, Sendable {
  /// There was no link when the command was given; it was not sent.
  case notConnected
  /// The link was lost before the answer came. False: the command had not wholly left, so it
  /// certainly did not execute.
  case connectionLost(mayHaveExecuted: Bool)
  /// Redis answered with an error.
  case server(RedisServerError)
  /// The answer has another type than the command's.
  case unexpectedReply(expected: String, got: RedisReplyKind)
  /// The bound on output or on unanswered commands is reached; it was not sent.
  case full
  /// The caller's task was cancelled; the command may have executed, its answer is thrown away.
  case cancelled
  /// A URL that cannot be used, and the place in it.
  case invalidURL(String)
}

extension RedisError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notConnected: "Redis is not connected"
    case .connectionLost(true): "Redis connection lost, the command may have executed"
    case .connectionLost(false): "Redis connection lost before the command was sent"
    case .server(let error): "Redis error: \(error)"
    case .unexpectedReply(let expected, let got): "Redis answered \(got), expected \(expected)"
    case .full: "Redis output is full"
    case .cancelled: "Redis command cancelled"
    case .invalidURL(let reason): "Redis URL: \(reason)"
    }
  }
}

/// An error reply: `kind` is its first word in capitals (`ERR`, `WRONGTYPE`, `MOVED`, `NOAUTH`).
public struct RedisServerError: Error, Hashable, Sendable, CustomStringConvertible {
  public let kind: String
  public let message: String

  /// From the line after the `-`.
  public init(line: String) {
    let head = line.prefix { $0 != " " }
    let isKind =
      !head.isEmpty
      && head.utf8.allSatisfy { byte in
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
      }
    kind = isKind ? String(head) : "ERR"
    message = isKind ? String(line.dropFirst(head.count + 1)) : line
  }

  public var description: String { "\(kind) \(message)" }

  /// Where the slot lives when this is a `MOVED` or `ASK` of a cluster.
  public var redirection: RedisRedirection? { RedisRedirection(self) }
}

/// `MOVED 3999 127.0.0.1:6381` or `ASK 3999 127.0.0.1:6381`.
public struct RedisRedirection: Hashable, Sendable {
  public let slot: UInt16
  /// Empty: the node that sent it. IPv6 addresses come without brackets.
  public let host: String
  public let port: UInt16
  /// ASK: for this one command only.
  public let isAsk: Bool

  init?(_ error: RedisServerError) {
    guard error.kind == "MOVED" || error.kind == "ASK" else { return nil }
    let parts = error.message.split(separator: " ")
    guard parts.count == 2, let slot = UInt16(parts[0]), slot < RedisSlot.count,
      let colon = parts[1].lastIndex(of: ":"),
      let port = UInt16(parts[1][parts[1].index(after: colon)...])
    else { return nil }
    self.slot = slot
    self.host = String(parts[1][..<colon])
    self.port = port
    isAsk = error.kind == "ASK"
  }
}
