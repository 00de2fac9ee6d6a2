// The write path of prices: commands straight from bytes into the output, without a closure or an
// allocation. Nobody awaits their answers (but those of `get`); errors among them are counted and
// reported by `onProblem`.

extension RedisConnection {
  /// What the words around key and value take at most: see the literals below.
  private static var overheadBytes: Int { 128 }

  /// SET key value PX ttl.
  @discardableResult
  public func set(key: RawSpan, value: RawSpan, ttlMilliseconds: Int64) -> RedisAppend {
    let bytes = key.byteCount + value.byteCount + Self.overheadBytes
    let admitted = admit(bytes: bytes, commands: 1)
    guard admitted == .queued else { return admitted }
    guard link.append({ $0.set(key, value, ttlMilliseconds) }) else { return .full }
    sent(.set)
    return .queued
  }

  /// SPUBLISH channel message.
  @discardableResult
  public func spublish(channel: RawSpan, message: RawSpan) -> RedisAppend {
    let bytes = channel.byteCount + message.byteCount + Self.overheadBytes
    let admitted = admit(bytes: bytes, commands: 1)
    guard admitted == .queued else { return admitted }
    guard link.append({ $0.spublish(channel, message) }) else { return .full }
    sent(.spublish)
    return .queued
  }

  /// SET key value PX ttl and SPUBLISH key value: both or neither is sent.
  @discardableResult
  public func setAndSpublish(
    key: RawSpan, value: RawSpan, ttlMilliseconds: Int64
  ) -> RedisAppend {
    let bytes = 2 * (key.byteCount + value.byteCount + Self.overheadBytes)
    let admitted = admit(bytes: bytes, commands: 2)
    guard admitted == .queued else { return admitted }
    let appended = link.append { writer in
      writer.set(key, value, ttlMilliseconds)
      writer.spublish(key, value)
    }
    guard appended else { return .full }
    sent(.set)
    sent(.spublish)
    return .queued
  }

  /// PUBLISH channel message, for channels that every node of a cluster passes on.
  @discardableResult
  public func publish(channel: RawSpan, message: RawSpan) -> RedisAppend {
    let bytes = channel.byteCount + message.byteCount + Self.overheadBytes
    let admitted = admit(bytes: bytes, commands: 1)
    guard admitted == .queued else { return admitted }
    guard link.append({ $0.publish(channel, message) }) else { return .full }
    sent(.publish)
    return .queued
  }

  /// GET key, for joining many topics at once: the key is not copied. `receiver` is called exactly
  /// once, with a view of the value or of null; at once when the command is refused.
  public func get(key: RawSpan, _ receiver: @escaping Receiver) {
    let admitted = admit(bytes: key.byteCount + Self.overheadBytes, commands: 1)
    guard admitted == .queued, link.append({ $0.get(key) }) else {
      return receiver(.failure(admitted == .notConnected ? .notConnected : .full))
    }
    sent(to: receiver, allowance: 0)
  }

  /// DEL key.
  @discardableResult
  public func delete(key: RawSpan) -> RedisAppend {
    let admitted = admit(bytes: key.byteCount + Self.overheadBytes, commands: 1)
    guard admitted == .queued else { return admitted }
    guard link.append({ $0.delete(key) }) else { return .full }
    sent(.delete)
    return .queued
  }
}

extension RESPWriter {
  fileprivate mutating func set(_ key: RawSpan, _ value: RawSpan, _ ttlMilliseconds: Int64) {
    raw("*5\r\n$3\r\nSET\r\n")
    bulk(key)
    bulk(value)
    raw("$2\r\nPX\r\n")
    bulk(ttlMilliseconds)
  }

  fileprivate mutating func spublish(_ channel: RawSpan, _ message: RawSpan) {
    raw("*3\r\n$8\r\nSPUBLISH\r\n")
    bulk(channel)
    bulk(message)
  }

  fileprivate mutating func publish(_ channel: RawSpan, _ message: RawSpan) {
    raw("*3\r\n$7\r\nPUBLISH\r\n")
    bulk(channel)
    bulk(message)
  }

  fileprivate mutating func get(_ key: RawSpan) {
    raw("*2\r\n$3\r\nGET\r\n")
    bulk(key)
  }

  fileprivate mutating func delete(_ key: RawSpan) {
    raw("*2\r\n$3\r\nDEL\r\n")
    bulk(key)
  }
}
