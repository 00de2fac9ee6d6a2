// Streams: appending, and reading as one of a group of consumers.

extension Redis {
  /// A stream's entry: its id and its fields, in their order.
  public struct StreamEntry: Hashable, Sendable {
    public let id: String
    /// Nil: the entry was deleted, but is still pending.
    public let fields: [(name: [UInt8], value: [UInt8])]?

    public init(id: String, fields: [(name: [UInt8], value: [UInt8])]?) {
      self.id = id
      self.fields = fields
    }

    public static func == (a: StreamEntry, b: StreamEntry) -> Bool {
      a.id == b.id && a.fields?.map(\.name) == b.fields?.map(\.name)
        && a.fields?.map(\.value) == b.fields?.map(\.value)
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(id) }
  }

  /// XADD key *: the entry's id.
  public struct XAdd: RedisCommand {
    private let stream: [UInt8]
    private let fields: [(name: String, value: [UInt8])]

    public init(_ stream: String, _ fields: [(name: String, value: [UInt8])]) {
      self.stream = Array(stream.utf8)
      self.fields = fields
    }

    public var key: [UInt8]? { stream }

    public func write(to writer: inout RESPWriter) {
      writer.array(3 + 2 * fields.count)
      writer.bulk("XADD")
      writer.bulk(stream)
      writer.bulk("*")
      for field in fields {
        writer.bulk(field.name)
        writer.bulk(field.value)
      }
    }

    public static func read(_ reply: RedisReplyView) throws(RedisError) -> String {
      String(decoding: try reply.readBytes(), as: UTF8.self)
    }
  }

  /// XGROUP CREATE key group 0 MKSTREAM. A group that is there already is an error, BUSYGROUP.
  public struct XGroupCreate: RedisCommand {
    private let stream: [UInt8]
    private let group: String

    public init(_ stream: String, group: String) {
      self.stream = Array(stream.utf8)
      self.group = group
    }

    public var key: [UInt8]? { stream }

    public func write(to writer: inout RESPWriter) {
      writer.array(6)
      writer.bulk("XGROUP")
      writer.bulk("CREATE")
      writer.bulk(stream)
      writer.bulk(group)
      writer.bulk("0")
      writer.bulk("MKSTREAM")
    }

    public static func read(_ reply: RedisReplyView) throws(RedisError) { try reply.readOK() }
  }

  /// XREADGROUP of one stream: from `after` on what this consumer was given and did not acknowledge,
  /// or what nobody was given yet.
  public struct XReadGroup: RedisCommand {
    public enum From: Hashable, Sendable {
      case own(after: String)
      case new
    }

    private let stream: [UInt8]
    private let group: String
    private let consumer: String
    private let from: From
    private let count: Int
    private let block: UInt64

    /// - Parameter blockMilliseconds: how long to wait for new ones; 0: not at all.
    public init(
      _ stream: String, group: String, consumer: String, from: From, count: Int,
      blockMilliseconds: UInt64 = 0
    ) {
      self.stream = Array(stream.utf8)
      self.group = group
      self.consumer = consumer
      self.from = from
      self.count = count
      block = blockMilliseconds
    }

    public var key: [UInt8]? { stream }
    public var blockingMilliseconds: UInt64 { block }

    public func write(to writer: inout RESPWriter) {
      writer.array(block > 0 ? 11 : 9)
      writer.bulk("XREADGROUP")
      writer.bulk("GROUP")
      writer.bulk(group)
      writer.bulk(consumer)
      writer.bulk("COUNT")
      writer.bulk(Int64(count))
      if block > 0 {
        writer.bulk("BLOCK")
        writer.bulk(Int64(clamping: block))
      }
      writer.bulk("STREAMS")
      writer.bulk(stream)
      switch from {
      case .own(let id): writer.bulk(id)
      case .new: writer.bulk(">")
      }
    }

    public static func read(_ reply: RedisReplyView) throws(RedisError) -> [StreamEntry] {
      if reply.isNull { return [] }
      guard reply.kind == .array, reply.count == 1, reply[0].kind == .array, reply[0].count == 2
      else { throw reply.unexpected("one stream") }
      return try StreamEntry.list(reply[0][1])
    }
  }

  /// XAUTOCLAIM: takes over what other consumers were given and left alone for so long.
  public struct XAutoClaim: RedisCommand {
    public struct Claimed: Hashable, Sendable {
      /// Where to go on; `0-0` at the end.
      public let next: String
      public let entries: [StreamEntry]
    }

    private let stream: [UInt8]
    private let group: String
    private let consumer: String
    private let idle: UInt64
    private let start: String
    private let count: Int

    public init(
      _ stream: String, group: String, consumer: String, idleMilliseconds: UInt64, start: String,
      count: Int
    ) {
      self.stream = Array(stream.utf8)
      self.group = group
      self.consumer = consumer
      idle = idleMilliseconds
      self.start = start
      self.count = count
    }

    public var key: [UInt8]? { stream }

    public func write(to writer: inout RESPWriter) {
      writer.array(8)
      writer.bulk("XAUTOCLAIM")
      writer.bulk(stream)
      writer.bulk(group)
      writer.bulk(consumer)
      writer.bulk(Int64(clamping: idle))
      writer.bulk(start)
      writer.bulk("COUNT")
      writer.bulk(Int64(count))
    }

    public static func read(_ reply: RedisReplyView) throws(RedisError) -> Claimed {
      guard reply.kind == .array, reply.count >= 2 else {
        throw reply.unexpected("a place and entries")
      }
      return Claimed(
        next: String(decoding: try reply[0].readBytes(), as: UTF8.self),
        entries: try StreamEntry.list(reply[1]))
    }
  }

  /// MEMORY USAGE: bytes of a key and its value, 0 of none; an estimate by samples.
  public struct MemoryUsage: RedisCommand {
    private let name: [UInt8]

    public init(_ key: String) { name = Array(key.utf8) }

    public var key: [UInt8]? { name }

    public func write(to writer: inout RESPWriter) {
      writer.array(3)
      writer.bulk("MEMORY")
      writer.bulk("USAGE")
      writer.bulk(name)
    }

    public static func read(_ reply: RedisReplyView) throws(RedisError) -> Int64 {
      if reply.isNull { return 0 }
      return try reply.readInteger()
    }
  }
}

extension Redis.StreamEntry {
  static func list(_ reply: RedisReplyView) throws(RedisError) -> [Redis.StreamEntry] {
    guard reply.kind == .array else { throw reply.unexpected("entries") }
    var entries: [Redis.StreamEntry] = []
    entries.reserveCapacity(reply.count)
    try reply.forEach { (entry) throws(RedisError) in
      // XAUTOCLAIM of Redis 6 has null for a deleted one.
      if entry.isNull { return }
      guard entry.kind == .array, entry.count == 2 else { throw entry.unexpected("an entry") }
      let id = String(decoding: try entry[0].readBytes(), as: UTF8.self)
      if entry[1].isNull {
        entries.append(Redis.StreamEntry(id: id, fields: nil))
        return
      }
      guard entry[1].kind == .array, entry[1].count % 2 == 0 else {
        throw entry.unexpected("fields")
      }
      var fields: [(name: [UInt8], value: [UInt8])] = []
      for place in stride(from: 0, to: entry[1].count, by: 2) {
        fields.append((try entry[1][place].readBytes(), try entry[1][place + 1].readBytes()))
      }
      entries.append(Redis.StreamEntry(id: id, fields: fields))
    }
    return entries
  }
}
