// What a cached value looks like in Redis: a decimal number, one byte, then the value as it is.
//
//     1830 [{"id":...}]     a value that took 1,830 us to load
//     950-                  there is no such row
//     17 {"user":...}       write-through: version 17
//     17-                   write-through: ended at version 17
//     17?                   write-through: version 17 was the last known, ask the database
//
// So redis-cli shows the value whole. Anything else is malformed: it is deleted and loaded again.

/// A value of Redis taken apart.
struct CacheEnvelope: Hashable, Sendable {
  enum Content: Hashable, Sendable {
    case value([UInt8])
    case absent
    case unknown
  }

  /// Microseconds that loading took, or the version of a write-through value.
  let number: Int64
  let content: Content

  /// Digits of the number at most: Int64.max has 19.
  static let digitsMax = 19

  init(number: Int64, content: Content) {
    precondition(number >= 0)
    self.number = number
    self.content = content
  }

  init(number: Int64, value: [UInt8]?) {
    self.init(number: number, content: value.map { .value($0) } ?? .absent)
  }

  /// nil for an absent row.
  var value: [UInt8]? {
    if case .value(let bytes) = content { bytes } else { nil }
  }

  var encoded: [UInt8] {
    var bytes = Array(String(number).utf8)
    switch content {
    case .value(let value):
      bytes.reserveCapacity(bytes.count + 1 + value.count)
      bytes.append(UInt8(ascii: " "))
      bytes.append(contentsOf: value)
    case .absent: bytes.append(UInt8(ascii: "-"))
    case .unknown: bytes.append(UInt8(ascii: "?"))
    }
    return bytes
  }

  /// nil when the bytes are not of this form.
  init?(_ bytes: [UInt8]) {
    var number: Int64 = 0
    var at = 0
    while at < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[at]) {
      let (tens, over) = number.multipliedReportingOverflow(by: 10)
      let (sum, overflow) = tens.addingReportingOverflow(Int64(bytes[at] - UInt8(ascii: "0")))
      guard !over, !overflow else { return nil }
      number = sum
      at += 1
    }
    guard (1...CacheEnvelope.digitsMax).contains(at), at < bytes.count else { return nil }
    self.number = number
    switch bytes[at] {
    case UInt8(ascii: " "): content = .value(Array(bytes[(at + 1)...]))
    case UInt8(ascii: "-") where at + 1 == bytes.count: content = .absent
    case UInt8(ascii: "?") where at + 1 == bytes.count: content = .unknown
    default: return nil
    }
  }
}
