// What a gateway needs of a value before it forwards it: its place in the order, and its kind.
//
// A value of our own encoder is answered from its first bytes, without a look at the rest. Any
// other order of keys is found by walking the whole object, and the first of equal keys counts in
// both. Bytes may come from anybody: nothing traps, nothing is read beyond the end. It does not
// vouch for the part of the value that it did not read: `WireJSON.check` does.

/// The kind of a value: its `"T"`.
public enum MessageKind: UInt8, Hashable, Sendable {
  case trade = 0x74  // t
  case quote = 0x71  // q
  case depth = 0x6F  // o
  case bar = 0x62  // b
  case updatedBar = 0x75  // u
  case dailyBar = 0x64  // d
  case status = 0x73  // s
  case correction = 0x63  // c
  case cancel = 0x78  // x
  case limitBand = 0x6C  // l
  /// `"stale"`: the symbol can no longer be vouched for.
  case stale = 1
  /// Any other text.
  case other = 0

  /// The kinds whose numbering is a chain: each carries its predecessor in `"P"`.
  var hasPrevious: Bool {
    switch self {
    case .quote, .depth, .status, .stale: false
    default: true
    }
  }
}

/// `E`, `N`, `P` and `T` of a value.
public struct MessageHeader: Hashable, Sendable {
  public var sequence: SequenceNumber
  /// The symbol's event before this one: its number is `"P"`, its epoch `"Q"`, or `"E"` where that
  /// is left out. Number 0 stands for "none in this run". Nil where the value says nothing, and for
  /// quotes, depths, statuses and stale markers, which are state.
  public var previous: SequenceNumber?
  public var kind: MessageKind

  public var isStaleMarker: Bool { kind == .stale }

  public init(sequence: SequenceNumber, previous: SequenceNumber? = nil, kind: MessageKind) {
    self.sequence = sequence
    self.previous = previous
    self.kind = kind
  }

  /// Reads the header of a value, a JSON object.
  ///
  /// Throws `.syntax` when it is no object or larger than `MarketDataLimits.valueBytesMax`, when
  /// `E`, `N` or `T` is missing, or when `E`, `N`, `P` or `Q` is not an integer from 0 to 2^64 - 1.
  public init(scanning json: RawSpan) throws(MarketDataError) {
    self = try json.withUnsafeBytes { (bytes) throws(MarketDataError) -> MessageHeader in
      try MessageHeader(scanning: bytes)
    }
  }

  /// As `init(scanning:)` of a span.
  public init(scanning json: UnsafeRawBufferPointer) throws(MarketDataError) {
    if let header = MessageHeader.fast(json) {
      self = header
    } else {
      self = try MessageHeader.walk(json)
    }
  }

  /// The order in which `WireJSON` writes. Nil means "look closer", never "refused".
  @inline(__always)
  private static func fast(_ json: UnsafeRawBufferPointer) -> MessageHeader? {
    guard json.count <= MarketDataLimits.valueBytesMax else { return nil }
    var scanner = ByteScanner(json)
    guard scanner.take("{\"E\":"), let epoch = scanner.takeUnsigned(),
      scanner.take(",\"N\":"), let number = scanner.takeUnsigned()
    else { return nil }
    var previous: SequenceNumber?
    if scanner.take(",\"P\":") {
      guard let value = scanner.takeUnsigned() else { return nil }
      previous = SequenceNumber(epoch: epoch, number: value)
      if scanner.take(",\"Q\":") {
        guard let value = scanner.takeUnsigned() else { return nil }
        previous?.epoch = value
      }
    }
    guard scanner.take(",\"T\":\"") else { return nil }
    var kind = MessageKind.other
    if scanner.peek(ahead: 1) == UInt8(ascii: "\"") {
      guard scanner.peek() > MessageKind.stale.rawValue,
        let letter = MessageKind(rawValue: scanner.peek())
      else { return nil }
      kind = letter
    } else if scanner.take("stale\"") {
      kind = .stale
    } else {
      return nil
    }
    // An event without P here may carry it further on.
    guard previous != nil || !kind.hasPrevious else { return nil }
    return MessageHeader(
      sequence: SequenceNumber(epoch: epoch, number: number),
      previous: kind.hasPrevious ? previous : nil, kind: kind)
  }

  /// Any order of keys.
  @inline(never)
  private static func walk(_ json: UnsafeRawBufferPointer) throws(MarketDataError) -> MessageHeader
  {
    var scanner = ByteScanner(json)
    guard json.count <= MarketDataLimits.valueBytesMax else {
      throw scanner.failure(.valueTooLarge)
    }
    var (epoch, number, previous, previousEpoch): (UInt64?, UInt64?, UInt64?, UInt64?)
    var kind: MessageKind?
    var (sawPrevious, sawPreviousEpoch) = (false, false)
    scanner.skipSpace()
    guard scanner.peek() == UInt8(ascii: "{") else { throw scanner.unexpected() }
    if try scanner.beginNested("}", 0) {
      repeat {
        let key = try scanner.scanString()
        try scanner.expect(UInt8(ascii: ":"))
        switch scanner.keyLetter(key) {
        case UInt8(ascii: "E") where epoch == nil: epoch = try unsigned(&scanner)
        case UInt8(ascii: "N") where number == nil: number = try unsigned(&scanner)
        case UInt8(ascii: "P") where !sawPrevious:
          sawPrevious = true
          previous = try unsigned(&scanner, orNull: true)
        case UInt8(ascii: "Q") where !sawPreviousEpoch:
          sawPreviousEpoch = true
          previousEpoch = try unsigned(&scanner, orNull: true)
        case UInt8(ascii: "T") where kind == nil: kind = try messageKind(&scanner)
        default: try scanner.skipValue(nesting: 1)
        }
      } while try scanner.takeComma(orEnd: UInt8(ascii: "}"))
    }
    try scanner.expectEnd()
    guard let epoch, let number, let kind else { throw scanner.failure(.missingField) }
    return MessageHeader(
      sequence: SequenceNumber(epoch: epoch, number: number),
      previous: kind.hasPrevious
        ? previous.map { SequenceNumber(epoch: previousEpoch ?? epoch, number: $0) } : nil,
      kind: kind)
  }

  private static func unsigned(
    _ scanner: inout ByteScanner, orNull: Bool = false
  ) throws(MarketDataError) -> UInt64? {
    scanner.skipSpace()
    if orNull, scanner.take("null") { return nil }
    let start = scanner.position
    let value = try scanner.scanNumber()
    guard !value.isNegative, let integer = value.scaled(by: 0) else {
      throw scanner.failure(.numberOutOfRange, at: start)
    }
    return integer
  }

  private static func messageKind(
    _ scanner: inout ByteScanner
  ) throws(MarketDataError) -> MessageKind {
    let bytes = scanner.bytes(try scanner.scanString().range)
    if bytes.count == 1, bytes[0] > MessageKind.stale.rawValue {
      return MessageKind(rawValue: bytes[0]) ?? .other
    }
    let stale: StaticString = "stale"
    let isStale = bytes.elementsEqual(UnsafeBufferPointer(start: stale.utf8Start, count: 5))
    return isStale ? .stale : .other
  }
}
