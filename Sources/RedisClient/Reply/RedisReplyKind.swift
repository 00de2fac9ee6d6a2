/// The types of RESP2. Null bulk strings and null arrays are both `null`.
public enum RedisReplyKind: UInt8, Hashable, Sendable {
  case simpleString
  case error
  case integer
  case bulkString
  case null
  case array
}
