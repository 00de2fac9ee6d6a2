// Commands on string keys and on keys in general. Times are milliseconds.

extension Redis {
  /// GET: nil when the key is not there.
  public struct Get: RedisCommand {
    public let name: [UInt8]
    public init(_ key: [UInt8]) { name = key }
    public init(_ key: String) { name = Array(key.utf8) }

    public var key: [UInt8]? { name }

    public func write(to writer: inout RESPWriter) {
      writer.array(2)
      writer.bulk("GET")
      writer.bulk(name)
    }

    public static func read(_ reply: RedisReplyView) throws(RedisError) -> [UInt8]? {
      try reply.readOptionalBytes()
    }
  }

  /// GETEX key PX ttl: reads and prolongs.
  public struct GetEx: RedisCommand {
    public let name: [UInt8]
    public let ttlMilliseconds: Int64

    public init(_ key: [UInt8], ttlMilliseconds: Int64) {
      name = key
      self.ttlMilliseconds = ttlMilliseconds
    }

    public var key: [UInt8]? { name }

    public func write(to writer: inout RESPWriter) {
      writer.array(4)
      writer.bulk("GETEX")
      writer.bulk(name)
      writer.bulk("PX")
      writer.bulk(ttlMilliseconds)
    }

    public static func read(_ reply: RedisReplyView) throws(RedisError) -> [UInt8]? {
      try reply.readOptionalBytes()
    }
  }

  /// SET with a TTL, which every key of ours has. The answer says whether the condition held.
  public struct Set: RedisCommand {
    public enum Condition: Sendable { case always, ifAbsent, ifPresent }

    public let name: [UInt8]
    public let value: [UInt8]
    public let ttlMilliseconds: Int64
    public let condition: Condition

    public init(
      _ key: [UInt8], _ value: [UInt8], ttlMilliseconds: Int64, _ condition: Condition = .always
    ) {
      name = key
      self.value = value
      self.ttlMilliseconds = ttlMilliseconds
      self.condition = condition
    }

    public var key: [UInt8]? { name }

    public func write(to writer: inout RESPWriter) {
      writer.array(condition == .always ? 5 : 6)
      writer.bulk("SET")
      writer.bulk(name)
      writer.bulk(value)
      writer.bulk("PX")
      writer.bulk(ttlMilliseconds)
      switch condition {
      case .always: break
      case .ifAbsent: writer.bulk("NX")
      case .ifPresent: writer.bulk("XX")
      }
    }

    public static func read(_ reply: RedisReplyView) throws(RedisError) -> Bool {
      if reply.isNull { return false }
      try reply.readOK()
      return true
    }
  }

  /// MGET: an element per key, nil where it is not there. In a cluster all keys must share a slot.
  public struct MGet: RedisCommand {
    public let keys: [[UInt8]]
    public init(_ keys: [[UInt8]]) { self.keys = keys }

    public var key: [UInt8]? { keys.first }

    public func write(to writer: inout RESPWriter) {
      writer.array(keys.count + 1)
      writer.bulk("MGET")
      for key in keys { writer.bulk(key) }
    }

    public static func read(_ reply: RedisReplyView) throws(RedisError) -> [[UInt8]?] {
      guard reply.kind == .array else { throw reply.unexpected("an array") }
      var values: [[UInt8]?] = []
      values.reserveCapacity(reply.count)
      try reply.forEach { (element) throws(RedisError) in
        values.append(try element.readOptionalBytes())
      }
      return values
    }
  }

  /// DEL or UNLINK: how many keys were there.
  public struct Delete: RedisCommand {
    public let keys: [[UInt8]]
    /// UNLINK: the memory is given back in the background.
    public let isLazy: Bool

    public init(_ keys: [[UInt8]], isLazy: Bool = false) {
      self.keys = keys
      self.isLazy = isLazy
    }

    public var key: [UInt8]? { keys.first }

    public func write(to writer: inout RESPWriter) {
      writer.array(keys.count + 1)
      writer.bulk(isLazy ? "UNLINK" : "DEL")
      for key in keys { writer.bulk(key) }
    }

    public static func read(_ reply: RedisReplyView) throws(RedisError) -> Int64 {
      try reply.readInteger()
    }
  }

  /// INCR: the new value.
  public struct Increment: RedisCommand {
    public let name: [UInt8]
    public init(_ key: [UInt8]) { name = key }

    public var key: [UInt8]? { name }

    public func write(to writer: inout RESPWriter) {
      writer.array(2)
      writer.bulk("INCR")
      writer.bulk(name)
    }

    public static func read(_ reply: RedisReplyView) throws(RedisError) -> Int64 {
      try reply.readInteger()
    }
  }

  /// PEXPIRE: false when the key is not there.
  public struct Expire: RedisCommand {
    public let name: [UInt8]
    public let ttlMilliseconds: Int64

    public init(_ key: [UInt8], ttlMilliseconds: Int64) {
      name = key
      self.ttlMilliseconds = ttlMilliseconds
    }

    public var key: [UInt8]? { name }

    public func write(to writer: inout RESPWriter) {
      writer.array(3)
      writer.bulk("PEXPIRE")
      writer.bulk(name)
      writer.bulk(ttlMilliseconds)
    }

    public static func read(_ reply: RedisReplyView) throws(RedisError) -> Bool {
      try reply.readInteger() == 1
    }
  }

  /// PTTL.
  public struct TimeToLive: RedisCommand {
    public enum Answer: Hashable, Sendable {
      case absent
      case unlimited
      case milliseconds(Int64)
    }

    public let name: [UInt8]
    public init(_ key: [UInt8]) { name = key }

    public var key: [UInt8]? { name }

    public func write(to writer: inout RESPWriter) {
      writer.array(2)
      writer.bulk("PTTL")
      writer.bulk(name)
    }

    public static func read(_ reply: RedisReplyView) throws(RedisError) -> Answer {
      switch try reply.readInteger() {
      case -2: .absent
      case -1: .unlimited
      case let rest: .milliseconds(rest)
      }
    }
  }
}
