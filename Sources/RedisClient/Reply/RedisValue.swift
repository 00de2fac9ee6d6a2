/// A reply as a value of its own, for answers whose shape only the caller knows (scripts).
public enum RedisValue: Hashable, Sendable {
  case null
  case simpleString(String)
  case error(RedisServerError)
  case integer(Int64)
  case bulkString([UInt8])
  case array([RedisValue])

  /// A copy of what `view` shows. hiredis bounds the nesting to 7.
  public init(_ view: RedisReplyView) {
    switch view.kind {
    case .null: self = .null
    case .simpleString: self = .simpleString(view.text)
    case .error: self = .error(RedisServerError(line: view.text))
    case .integer: self = .integer(view.integer ?? 0)
    case .bulkString: self = .bulkString(view.bytes)
    case .array:
      var elements: [RedisValue] = []
      elements.reserveCapacity(view.count)
      view.forEach { elements.append(RedisValue($0)) }
      self = .array(elements)
    }
  }

  public var bytes: [UInt8]? {
    switch self {
    case .bulkString(let bytes): bytes
    case .simpleString(let text): Array(text.utf8)
    default: nil
    }
  }

  public var text: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

  public var integer: Int64? {
    if case .integer(let number) = self { number } else { nil }
  }

  public var array: [RedisValue]? {
    if case .array(let elements) = self { elements } else { nil }
  }
}
