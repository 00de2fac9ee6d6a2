// Commands about the server itself, iteration and publishing.

extension Redis {
  /// PING.
  public struct Ping: RedisCommand {
    public init() {}

    public func write(to writer: inout RESPWriter) {
      writer.array(1)
      writer.bulk("PING")
    }

    public static func read(_ reply: RedisReplyView) throws(RedisError) {
      guard reply.kind == .simpleString, reply.equals("PONG") else {
        throw reply.unexpected("PONG")
      }
    }
  }

  /// TIME: Redis' wall clock in microseconds since 1970.
  public struct Time: RedisCommand {
    public init() {}

    public func write(to writer: inout RESPWriter) {
      writer.array(1)
      writer.bulk("TIME")
    }

    public static func read(_ reply: RedisReplyView) throws(RedisError) -> Int64 {
      guard reply.kind == .array, reply.count == 2 else { throw reply.unexpected("two numbers") }
      let seconds = try reply[0].readDecimal()
      let microseconds = try reply[1].readDecimal()
      let (total, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
      guard !overflow, (0..<1_000_000).contains(microseconds) else {
        throw reply.unexpected("seconds and microseconds")
      }
      return total &+ microseconds
    }
  }

  /// INFO, or one section of it.
  public struct Info: RedisCommand {
    public let section: String?
    public init(_ section: String? = nil) { self.section = section }

    public func write(to writer: inout RESPWriter) {
      writer.array(section == nil ? 1 : 2)
      writer.bulk("INFO")
      if let section { writer.bulk(section) }
    }

    /// Field to value, without the headings.
    public static func read(_ reply: RedisReplyView) throws(RedisError) -> [String: String] {
      let text = String(decoding: try reply.readBytes(), as: UTF8.self)
      var fields: [String: String] = [:]
      for line in text.split(whereSeparator: \.isNewline) where line.first != "#" {
        guard let colon = line.firstIndex(of: ":") else { continue }
        fields[String(line[..<colon])] = String(line[line.index(after: colon)...])
      }
      return fields
    }
  }

  /// DBSIZE: how many keys.
  public struct DatabaseSize: RedisCommand {
    public init() {}

    public func write(to writer: inout RESPWriter) {
      writer.array(1)
      writer.bulk("DBSIZE")
    }

    public static func read(_ reply: RedisReplyView) throws(RedisError) -> Int64 {
      try reply.readInteger()
    }
  }

  /// SCAN: one batch. Go on with the answered cursor until it is `0`. Of one node.
  public struct Scan: RedisCommand {
    public struct Batch: Hashable, Sendable {
      public let cursor: String
      public let keys: [[UInt8]]
      public var isLast: Bool { cursor == "0" }
    }

    public let cursor: String
    public let pattern: [UInt8]?
    public let countHint: Int64

    public init(cursor: String = "0", matching pattern: [UInt8]? = nil, countHint: Int64 = 100) {
      self.cursor = cursor
      self.pattern = pattern
      self.countHint = countHint
    }

    public func write(to writer: inout RESPWriter) {
      writer.array(pattern == nil ? 4 : 6)
      writer.bulk("SCAN")
      writer.bulk(cursor)
      if let pattern {
        writer.bulk("MATCH")
        writer.bulk(pattern)
      }
      writer.bulk("COUNT")
      writer.bulk(countHint)
    }

    public static func read(_ reply: RedisReplyView) throws(RedisError) -> Batch {
      guard reply.kind == .array, reply.count == 2, reply[1].kind == .array else {
        throw reply.unexpected("a cursor and keys")
      }
      var keys: [[UInt8]] = []
      keys.reserveCapacity(reply[1].count)
      try reply[1].forEach { (element) throws(RedisError) in keys.append(try element.readBytes()) }
      return Batch(cursor: String(decoding: try reply[0].readBytes(), as: UTF8.self), keys: keys)
    }
  }

  /// PUBLISH or SPUBLISH: how many subscribers of this node got it.
  public struct Publish: RedisCommand {
    public let channel: [UInt8]
    public let message: [UInt8]
    public let isSharded: Bool

    public init(_ channel: [UInt8], _ message: [UInt8], isSharded: Bool = true) {
      self.channel = channel
      self.message = message
      self.isSharded = isSharded
    }

    public var key: [UInt8]? { isSharded ? channel : nil }

    public func write(to writer: inout RESPWriter) {
      writer.array(3)
      writer.bulk(isSharded ? "SPUBLISH" : "PUBLISH")
      writer.bulk(channel)
      writer.bulk(message)
    }

    public static func read(_ reply: RedisReplyView) throws(RedisError) -> Int64 {
      try reply.readInteger()
    }
  }
}
