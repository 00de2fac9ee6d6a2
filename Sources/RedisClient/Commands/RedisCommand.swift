/// The namespace of the commands: `Redis.Get("key")`.
public enum Redis {}

/// A command is a value with its answer's type: it writes itself and reads its answer.
public protocol RedisCommand: Sendable {
  associatedtype Answer: Sendable

  /// The words of the command: `array(count)`, then so many `bulk`.
  func write(to writer: inout RESPWriter)

  /// The answer, from any reply but an error, which becomes `RedisError.server` before this.
  static func read(_ reply: RedisReplyView) throws(RedisError) -> Answer

  /// The first key, by which a cluster is routed; nil for a command that any node may run.
  var key: [UInt8]? { get }

  /// How much longer than others Redis may take by agreement (BLOCK of XREAD), in milliseconds.
  var blockingMilliseconds: UInt64 { get }
}

extension RedisCommand {
  public var key: [UInt8]? { nil }
  public var blockingMilliseconds: UInt64 { 0 }

  /// The cluster slot of `key`.
  public var slot: UInt16? {
    key.map { RedisSlot.hashSlot($0.span.bytes) }
  }
}

extension RedisReplyView {
  func unexpected(_ expected: String) -> RedisError {
    .unexpectedReply(expected: expected, got: kind)
  }

  /// `+OK`.
  func readOK() throws(RedisError) {
    guard kind == .simpleString else { throw unexpected("OK") }
  }

  func readInteger() throws(RedisError) -> Int64 {
    guard let integer else { throw unexpected("an integer") }
    return integer
  }

  func readBytes() throws(RedisError) -> [UInt8] {
    guard kind == .bulkString || kind == .simpleString else { throw unexpected("a string") }
    return bytes
  }

  func readOptionalBytes() throws(RedisError) -> [UInt8]? {
    if isNull { return nil }
    return try readBytes()
  }

  func readDecimal() throws(RedisError) -> Int64 {
    guard kind == .bulkString, let number = Int64(text) else { throw unexpected("a number") }
    return number
  }
}
