// Lua: EVAL, EVALSHA, SCRIPT LOAD, and any other command by its words.

private func writeScript(
  _ name: StaticString, _ script: String, _ keys: [[UInt8]], _ arguments: [[UInt8]],
  to writer: inout RESPWriter
) {
  writer.array(3 + keys.count + arguments.count)
  writer.bulk(name)
  writer.bulk(script)
  writer.bulk(Int64(keys.count))
  for key in keys { writer.bulk(key) }
  for argument in arguments { writer.bulk(argument) }
}

extension Redis {
  /// EVAL: runs a script that must touch no other keys than `keys`.
  public struct Eval: RedisCommand {
    public let script: String
    public let keys: [[UInt8]]
    public let arguments: [[UInt8]]

    public init(_ script: String, keys: [[UInt8]] = [], arguments: [[UInt8]] = []) {
      self.script = script
      self.keys = keys
      self.arguments = arguments
    }

    public var key: [UInt8]? { keys.first }

    public func write(to writer: inout RESPWriter) {
      writeScript("EVAL", script, keys, arguments, to: &writer)
    }

    public static func read(_ reply: RedisReplyView) throws(RedisError) -> RedisValue {
      RedisValue(reply)
    }
  }

  /// EVALSHA by the digest that `ScriptLoad` answered; a server error `NOSCRIPT` when Redis lost it.
  public struct EvalSHA: RedisCommand {
    public let digest: String
    public let keys: [[UInt8]]
    public let arguments: [[UInt8]]

    public init(_ digest: String, keys: [[UInt8]] = [], arguments: [[UInt8]] = []) {
      self.digest = digest
      self.keys = keys
      self.arguments = arguments
    }

    public var key: [UInt8]? { keys.first }

    public func write(to writer: inout RESPWriter) {
      writeScript("EVALSHA", digest, keys, arguments, to: &writer)
    }

    public static func read(_ reply: RedisReplyView) throws(RedisError) -> RedisValue {
      RedisValue(reply)
    }
  }

  /// SCRIPT LOAD: the digest for EVALSHA, 40 hexadecimal digits.
  public struct ScriptLoad: RedisCommand {
    public let script: String
    public init(_ script: String) { self.script = script }

    public func write(to writer: inout RESPWriter) {
      writer.array(3)
      writer.bulk("SCRIPT")
      writer.bulk("LOAD")
      writer.bulk(script)
    }

    public static func read(_ reply: RedisReplyView) throws(RedisError) -> String {
      String(decoding: try reply.readBytes(), as: UTF8.self)
    }
  }

  /// Any command by its words, for what has no type of its own.
  public struct RawCommand: RedisCommand {
    public let words: [[UInt8]]
    public let key: [UInt8]?
    public let blockingMilliseconds: UInt64

    public init(_ words: [[UInt8]], key: [UInt8]? = nil, blockingMilliseconds: UInt64 = 0) {
      precondition(!words.isEmpty)
      self.words = words
      self.key = key
      self.blockingMilliseconds = blockingMilliseconds
    }

    public init(_ words: String..., key: String? = nil) {
      self.init(words.map { Array($0.utf8) }, key: key.map { Array($0.utf8) })
    }

    public func write(to writer: inout RESPWriter) {
      writer.array(words.count)
      for word in words { writer.bulk(word) }
    }

    public static func read(_ reply: RedisReplyView) throws(RedisError) -> RedisValue {
      RedisValue(reply)
    }
  }
}
