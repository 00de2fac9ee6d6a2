// What a client says: auth, subscribe, unsubscribe, in JSON or MessagePack. One decoder per loop is
// used again for every message; the symbols of a subscription stay in one byte buffer, so that a
// list of ten thousand costs no object each.
import MarketData

/// A message of a client, decoded. Valid until the decoder's next message.
package struct ClientMessage: ~Copyable {
  package enum Action: Hashable, Sendable {
    case authenticate, subscribe, unsubscribe
  }

  /// One name in one channel's list: bytes `offset ..< offset + length` of `text`.
  struct Entry {
    var channel: StreamChannel
    var offset: UInt32
    var length: UInt32
  }

  package fileprivate(set) var action: Action?
  var entries: [Entry] = []
  var text = ByteWriter()
  /// Credentials of `auth`, cleared after use. Raw bytes: they are compared, never shown.
  var key: [UInt8] = []
  var secret: [UInt8] = []
  var choices = Choices()
  var since: [Since] = []

  mutating func clear() {
    action = nil
    choices = Choices()
    since.removeAll(keepingCapacity: true)
    entries.removeAll(keepingCapacity: true)
    text.removeAll()
    key = []
    secret = []
  }

  /// The bytes of one name.
  func withName<R>(_ entry: Entry, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    text.withUnsafeBytes { bytes in
      body(
        UnsafeRawBufferPointer(
          rebasing: bytes[Int(entry.offset)..<Int(entry.offset + entry.length)]))
    }
  }

  static func isWildcard(_ name: UnsafeRawBufferPointer) -> Bool {
    name.count == 1 && name[0] == UInt8(ascii: "*")
  }
}

/// Why a message was refused: the protocol's error and the reason in words.
package struct ClientMessageFault: Error, Hashable, Sendable {
  package let error: StreamError
  package let reason: String
}

/// The two encodings' readers, as far as a client's message needs them: maps in one map, a list in
/// those.
protocol ControlReader {
  mutating func beginMap() throws(ClientMessageFault)
  /// Appends the next key's bytes, or says that the map is over.
  mutating func nextKey(into text: inout ByteWriter) throws(ClientMessageFault) -> Bool
  mutating func nextIsList() throws(ClientMessageFault) -> Bool
  mutating func nextIsMap() throws(ClientMessageFault) -> Bool
  /// Nil: the next value is something else.
  mutating func unsignedValue() throws(ClientMessageFault) -> UInt64?
  mutating func boolValue() throws(ClientMessageFault) -> Bool?
  mutating func string(into text: inout ByteWriter) throws(ClientMessageFault)
  mutating func beginList() throws(ClientMessageFault)
  mutating func nextElement() throws(ClientMessageFault) -> Bool
  mutating func skip() throws(ClientMessageFault)
  mutating func end() throws(ClientMessageFault)
}

extension ClientMessage {
  /// Names in one message at the most: a limit on memory, twice what one client may hold.
  static let entriesMax = 2 * GatewayLimits.subscriptionsPerClientMax
  /// Longer credentials are nobody's.
  static let credentialBytesMax = 512

  mutating func decodeJSON(_ bytes: UnsafeRawBufferPointer) throws(ClientMessageFault) {
    var reader = JSONControlReader(bytes)
    try decode(&reader)
  }

  mutating func decodeMessagePack(_ bytes: UnsafeRawBufferPointer) throws(ClientMessageFault) {
    var reader = MessagePackControlReader(bytes)
    try decode(&reader)
  }

  private mutating func decode<Reader: ControlReader>(
    _ reader: inout Reader
  ) throws(ClientMessageFault) {
    clear()
    try reader.beginMap()
    var name = ByteWriter(capacity: 64)
    while true {
      name.removeAll()
      guard try reader.nextKey(into: &name) else { break }
      switch Key(name) {
      case .action:
        name.removeAll()
        try reader.string(into: &name)
        action = try Action(name)
      case .key: key = try ClientMessage.credential(&reader)
      case .secret: secret = try ClientMessage.credential(&reader)
      case .channel(let channel): try list(of: channel, &reader)
      case .follower: try reader.skip()
      case .depth: try readDepth(&reader)
      case .snapshot: try readSnapshot(&reader)
      case .interval: try readInterval(&reader)
      case .since: try readSince(&reader)
      case .unknown:
        // An option that is not known here does no harm; a list of symbols asks for something.
        if try reader.nextIsList() {
          throw ClientMessageFault(error: .invalidSubscribeAction, reason: "unknown channel")
        }
        try reader.skip()
      }
    }
    try reader.end()
    guard action != nil else {
      throw ClientMessageFault(error: .invalidSyntax, reason: "\"action\" is missing")
    }
  }

  private mutating func list<Reader: ControlReader>(
    of channel: StreamChannel, _ reader: inout Reader
  ) throws(ClientMessageFault) {
    try reader.beginList()
    let first = entries.count
    while try reader.nextElement() {
      let start = text.count
      try reader.string(into: &text)
      guard entries.count < ClientMessage.entriesMax else {
        throw ClientMessageFault(
          error: .symbolLimitExceeded, reason: "over \(ClientMessage.entriesMax) names")
      }
      let entry = Entry(
        channel: channel, offset: UInt32(start), length: UInt32(text.count - start))
      let good = withName(entry) { ClientMessage.isWildcard($0) || SymbolTable.isWellFormed($0) }
      guard good else {
        throw ClientMessageFault(
          error: .invalidSyntax,
          reason: "\(channel.name) name \(entries.count - first + 1) is not a symbol "
            + "([A-Z0-9._/-]{1,32}) or \"*\"")
      }
      entries.append(entry)
    }
  }

  private static func credential<Reader: ControlReader>(
    _ reader: inout Reader
  ) throws(ClientMessageFault) -> [UInt8] {
    var bytes = ByteWriter(capacity: 64)
    try reader.string(into: &bytes)
    guard bytes.count <= credentialBytesMax else {
      throw ClientMessageFault(error: .invalidSyntax, reason: "a credential is too long")
    }
    return bytes.withUnsafeBytes { Array($0) }
  }
}

/// The keys of a client's message.
private enum Key {
  case action, key, secret
  case channel(StreamChannel)
  /// Follows `trades` by itself; naming it changes nothing.
  case follower
  case depth, snapshot, interval, since
  case unknown

  init(_ name: borrowing ByteWriter) {
    self = name.withUnsafeBytes { bytes in
      if equals(bytes, "action") { return .action }
      if equals(bytes, "key") { return .key }
      if equals(bytes, "secret") { return .secret }
      for channel in StreamChannel.allCases where equals(bytes, channel.name) {
        return .channel(channel)
      }
      if equals(bytes, "depth") { return .depth }
      if equals(bytes, "snapshot") { return .snapshot }
      if equals(bytes, "interval_ms") { return .interval }
      if equals(bytes, "since") { return .since }
      if equals(bytes, "corrections") || equals(bytes, "cancelErrors") { return .follower }
      return .unknown
    }
  }
}

extension ClientMessage.Action {
  fileprivate init(_ name: borrowing ByteWriter) throws(ClientMessageFault) {
    let action: Self? = name.withUnsafeBytes { bytes in
      if equals(bytes, "auth") { return .authenticate }
      if equals(bytes, "subscribe") { return .subscribe }
      if equals(bytes, "unsubscribe") { return .unsubscribe }
      return nil
    }
    guard let action else {
      throw ClientMessageFault(
        error: .invalidSyntax, reason: "\"action\" is not auth, subscribe or unsubscribe")
    }
    self = action
  }
}

private func equals(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
  bytes.count == text.utf8CodeUnitCount
    && bytes.elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: bytes.count))
}
