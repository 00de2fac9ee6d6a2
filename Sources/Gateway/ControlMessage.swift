// What the server says besides data: success, error, subscription. Each is one array with one map,
// in the client's encoding.
import FanOut
import MarketData

/// Writes control messages for one encoding.
enum ControlMessage {
  static func success(_ text: StaticString, _ encoding: ClientEncoding, into out: inout ByteWriter)
  {
    switch encoding {
    case .json:
      out.append("[{\"T\":\"success\",\"msg\":\"")
      out.append(text)
      out.append("\"}]")
    case .messagePack:
      out.packArray(count: 1)
      out.packMap(count: 2)
      out.packString("T")
      out.packString("success")
      out.packString("msg")
      out.packString(text)
    }
  }

  /// `reason` follows the protocol's own words, which clients may look for at the beginning.
  static func error(
    _ error: StreamError, reason: String?, _ encoding: ClientEncoding, into out: inout ByteWriter
  ) {
    let text = reason.map { "\(error.message): \($0)" } ?? "\(error.message)"
    switch encoding {
    case .json:
      out.append("[{\"T\":\"error\",\"code\":")
      out.appendDecimal(UInt64(error.rawValue))
      out.append(",\"msg\":")
      out.appendJSONString(text)
      out.append("}]")
    case .messagePack:
      out.packArray(count: 1)
      out.packMap(count: 3)
      out.packString("T")
      out.packString("error")
      out.packString("code")
      out.packUnsigned(UInt64(error.rawValue))
      out.packString("msg")
      out.packString(text: text)
    }
  }

  /// The server stops: `[{"T":"shutdown","reconnect_ms":1250}]`, counted from the message's arrival.
  static func shutdown(
    reconnectMilliseconds: UInt64, _ encoding: ClientEncoding, into out: inout ByteWriter
  ) {
    switch encoding {
    case .json:
      out.append("[{\"T\":\"shutdown\",\"reconnect_ms\":")
      out.appendDecimal(reconnectMilliseconds)
      out.append("}]")
    case .messagePack:
      out.packArray(count: 1)
      out.packMap(count: 2)
      out.packString("T")
      out.packString("shutdown")
      out.packString("reconnect_ms")
      out.packUnsigned(reconnectMilliseconds)
    }
  }

  /// `{"T":"stale","S":..,"c":..,"since":..}`: the value itself, without the array around it.
  static func staleNotice(
    symbol: SymbolName, channel: StreamChannel, since: Timestamp, into out: inout ByteWriter
  ) {
    out.append("{\"T\":\"stale\",\"S\":\"")
    symbol.withBytes { out.append($0) }
    out.append("\",\"c\":\"")
    out.append(channel.name)
    out.append("\",\"since\":\"")
    out.append(since)
    out.append("\"}")
  }

  /// One event's value in a client's encoding; nil when it cannot be put so. It came from Redis, and has
  /// been checked to be one JSON object. A snapshot is marked `"snapshot":true`.
  static func event(
    _ value: UnsafeRawBufferPointer, isSnapshot: Bool, _ encoding: ClientEncoding
  ) -> [UInt8]? {
    var json = ByteWriter(capacity: value.count + 32)
    if isSnapshot {
      guard let end = value.lastIndex(of: UInt8(ascii: "}")) else { return nil }
      json.append(UnsafeRawBufferPointer(rebasing: value[..<end]))
      json.append(",\"snapshot\":true}")
    } else {
      json.append(value)
    }
    guard encoding == .messagePack else { return json.withUnsafeBytes { Array($0) } }
    var packed = ByteWriter(capacity: json.count)
    do throws(MarketDataError) {
      try json.withUnsafeBytes { (bytes) throws(MarketDataError) in
        try MessagePackTranscoder.transcode(bytes, into: &packed)
      }
    } catch {
      return nil
    }
    return packed.withUnsafeBytes { Array($0) }
  }

  /// Events as `event` made them, in a frame of their own.
  static func events(
    _ events: [[UInt8]], _ encoding: ClientEncoding, into out: inout ByteWriter
  ) {
    if encoding == .json { out.append("[") } else { out.packArray(count: events.count) }
    for (place, event) in events.enumerated() {
      if encoding == .json, place > 0 { out.append(",") }
      out.append(event.span.bytes)
    }
    if encoding == .json { out.append("]") }
  }

  /// Several notices, in a frame of their own.
  static func staleNotices(
    _ names: [TopicDirectory.Name], since: Timestamp, _ encoding: ClientEncoding,
    into out: inout ByteWriter
  ) {
    var notice = ByteWriter(capacity: 128)
    let notices = names.map { name in
      notice.removeAll()
      staleNotice(symbol: name.symbol, channel: name.channel, since: since, into: &notice)
      guard let one = notice.withUnsafeBytes({ event($0, isSnapshot: false, encoding) }) else {
        preconditionFailure("a value of our own that cannot be read")
      }
      return one
    }
    events(notices, encoding, into: &out)
  }
}
