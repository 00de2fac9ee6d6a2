// Writes `{"T":"gap","S":"AAPL","c":"trades","missed":12}` in either encoding, into 128 bytes on the
// stack. Names were checked when the topic was made: printable, nothing to escape.

/// Events a client is owed word of: collected while a cursor walks over what is no longer there.
struct GapDebt {
  var missed: UInt64 = 0
  /// Among what was passed over was a gap of unknown size.
  var isUnknown = false
  /// Whose events, or `noIndex` when nothing is owed.
  private(set) var topic = noIndex
  /// More than one topic's: then the gap is the group's, with the symbol `*`.
  private(set) var isMixed = false

  var isEmpty: Bool { missed == 0 && !isUnknown }

  mutating func add(_ count: UInt32, isUnknown unknown: Bool, topic added: UInt32) {
    guard count > 0 || unknown else { return }
    if isEmpty { topic = added }
    if topic != added { isMixed = true }
    missed += UInt64(count)
    isUnknown = isUnknown || unknown
  }

  /// As `add`, for events of the whole group.
  mutating func addMixed(_ count: UInt32, isUnknown unknown: Bool) {
    add(count, isUnknown: unknown, topic: noIndex)
    if !isEmpty { isMixed = true }
  }
}

/// Symbol and channel of a topic, as they stand in its gap messages.
struct TopicLabel: BitwiseCopyable {
  var symbol = InlineArray<32, UInt8>(repeating: 0)
  var channel = InlineArray<32, UInt8>(repeating: 0)
  var symbolBytes: UInt8 = 0
  var channelBytes: UInt8 = 0

  /// nil unless both are 1...32 bytes of printable ASCII without quote and backslash.
  init?(symbol: RawSpan, channel: RawSpan) {
    guard let symbolBytes = Self.copy(symbol, into: &self.symbol),
      let channelBytes = Self.copy(channel, into: &self.channel)
    else { return nil }
    self.symbolBytes = symbolBytes
    self.channelBytes = channelBytes
  }

  private static func copy(_ bytes: RawSpan, into target: inout InlineArray<32, UInt8>) -> UInt8? {
    guard 1...32 ~= bytes.byteCount else { return nil }
    for index in 0..<bytes.byteCount {
      let byte = bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)
      guard 0x20...0x7e ~= byte, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else {
        return nil
      }
      target[index] = byte
    }
    return UInt8(bytes.byteCount)
  }
}

struct GapText {
  private var bytes = InlineArray<128, UInt8>(repeating: 0)
  private(set) var count = 0

  init(_ debt: GapDebt, label: TopicLabel, encoding: ClientEncoding) {
    switch encoding {
    case .json: writeJSON(debt, label)
    case .messagePack: writeMessagePack(debt, label)
    }
  }

  func withBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
    withUnsafeBytes(of: bytes) { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
  }

  private mutating func append(_ byte: UInt8) {
    bytes[count] = byte
    count += 1
  }

  private mutating func append(_ text: StaticString) {
    for index in 0..<text.utf8CodeUnitCount { append(text.utf8Start[index]) }
  }

  private mutating func append(_ name: InlineArray<32, UInt8>, _ length: UInt8) {
    for index in 0..<Int(length) { append(name[index]) }
  }

  private mutating func writeJSON(_ debt: GapDebt, _ label: TopicLabel) {
    append("{\"T\":\"gap\",\"S\":\"")
    if debt.isMixed { append("*") } else { append(label.symbol, label.symbolBytes) }
    append("\",\"c\":\"")
    append(label.channel, label.channelBytes)
    append("\",\"missed\":")
    if debt.isUnknown { append("null") } else { appendDecimal(debt.missed) }
    append("}")
  }

  private mutating func appendDecimal(_ value: UInt64) {
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var length = 0
    var rest = value
    repeat {
      digits[length] = UInt8(ascii: "0") + UInt8(rest % 10)
      rest /= 10
      length += 1
    } while rest > 0
    while length > 0 {
      length -= 1
      append(digits[length])
    }
  }

  private mutating func writeMessagePack(_ debt: GapDebt, _ label: TopicLabel) {
    append(0x84)  // a map of four
    append(0xa1)
    append("T")
    append(0xa3)
    append("gap")
    append(0xa1)
    append("S")
    if debt.isMixed {
      append(0xa1)
      append("*")
    } else {
      appendString(label.symbol, label.symbolBytes)
    }
    append(0xa1)
    append("c")
    appendString(label.channel, label.channelBytes)
    append(0xa6)
    append("missed")
    if debt.isUnknown { append(0xc0) } else { appendUnsigned(debt.missed) }
  }

  private mutating func appendString(_ name: InlineArray<32, UInt8>, _ length: UInt8) {
    if length <= 31 {
      append(0xa0 | length)
    } else {
      append(0xd9)
      append(length)
    }
    append(name, length)
  }

  /// The shortest unsigned form: fixint, uint 8, 16, 32 or 64.
  private mutating func appendUnsigned(_ value: UInt64) {
    let width: Int
    switch value {
    case 0...0x7f:
      append(UInt8(value))
      return
    case 0...0xff: (_, width) = (append(0xcc), 1)
    case 0...0xffff: (_, width) = (append(0xcd), 2)
    case 0...0xffff_ffff: (_, width) = (append(0xce), 4)
    default: (_, width) = (append(0xcf), 8)
    }
    for index in (0..<width).reversed() {
      append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(index))))
    }
  }
}
