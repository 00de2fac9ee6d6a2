// What a client chooses beside the names: `depth`, `snapshot`, `interval_ms`, `since`. A choice that
// cannot be meant is refused with its name, whatever the action; only `subscribe` acts on them.
import FanOut
import MarketData

extension ClientMessage {
  struct Choices {
    /// Levels a side of the order books named in the message; nil says nothing of it.
    var depth: BookDepth?
    var wantsSnapshot = false
    /// Nil says nothing of it, 0 is none.
    var intervalMilliseconds: UInt64?
  }

  /// What a client saw last of a symbol: bytes `offset ..< offset + length` of `text`.
  struct Since {
    var offset: UInt32
    var length: UInt32
    var sequence: SequenceNumber
  }

  /// What was seen last, by symbol. A name that no symbol can have is nobody's.
  func sinceBySymbol() -> [SymbolName: SequenceNumber] {
    guard !since.isEmpty else { return [:] }
    var all: [SymbolName: SequenceNumber] = [:]
    all.reserveCapacity(since.count)
    text.withUnsafeBytes { bytes in
      for entry in since {
        let name = UnsafeRawBufferPointer(
          rebasing: bytes[Int(entry.offset)..<Int(entry.offset + entry.length)])
        if let symbol = SymbolName(name) { all[symbol] = entry.sequence }
      }
    }
    return all
  }

  private static func fault(_ reason: String) -> ClientMessageFault {
    ClientMessageFault(error: .invalidSyntax, reason: reason)
  }

  mutating func readDepth<Reader: ControlReader>(
    _ reader: inout Reader
  ) throws(ClientMessageFault) {
    switch try reader.unsignedValue() {
    case 1: choices.depth = .one
    case 5: choices.depth = .five
    case 10: choices.depth = .full
    default: throw ClientMessage.fault("\"depth\" is not 1, 5 or 10")
    }
  }

  mutating func readSnapshot<Reader: ControlReader>(
    _ reader: inout Reader
  ) throws(ClientMessageFault) {
    guard let wanted = try reader.boolValue() else {
      throw ClientMessage.fault("\"snapshot\" is not true or false")
    }
    choices.wantsSnapshot = wanted
  }

  mutating func readInterval<Reader: ControlReader>(
    _ reader: inout Reader
  ) throws(ClientMessageFault) {
    let longest = GatewayLimits.intervalMillisecondsMax
    guard let interval = try reader.unsignedValue(), interval <= longest else {
      throw ClientMessage.fault("\"interval_ms\" is not an integer from 0 to \(longest)")
    }
    choices.intervalMilliseconds = interval
  }

  mutating func readSince<Reader: ControlReader>(
    _ reader: inout Reader
  ) throws(ClientMessageFault) {
    guard try reader.nextIsMap() else {
      throw ClientMessage.fault("\"since\" is not a map of symbols to [epoch, number]")
    }
    try reader.beginMap()
    while true {
      let start = text.count
      guard try reader.nextKey(into: &text) else { break }
      guard since.count < ClientMessage.entriesMax else {
        throw ClientMessageFault(
          error: .symbolLimitExceeded, reason: "\"since\" has over \(ClientMessage.entriesMax)")
      }
      let length = text.count - start
      guard let sequence = try ClientMessage.pair(&reader) else {
        throw ClientMessage.fault(
          "since \(since.count + 1)\(shown(start, length)) is not [epoch, number], "
            + "two unsigned integers")
      }
      since.append(
        Since(offset: UInt32(start), length: UInt32(length), sequence: sequence))
    }
  }

  /// A symbol in an error's reason; nothing that is no symbol is repeated.
  private func shown(_ start: Int, _ length: Int) -> String {
    text.withUnsafeBytes { bytes in
      let name = UnsafeRawBufferPointer(rebasing: bytes[start..<start + length])
      guard SymbolTable.isWellFormed(name) else { return "" }
      return " (\(String(decoding: name, as: UTF8.self)))"
    }
  }

  private static func pair<Reader: ControlReader>(
    _ reader: inout Reader
  ) throws(ClientMessageFault) -> SequenceNumber? {
    guard try reader.nextIsList() else { return nil }
    try reader.beginList()
    guard try reader.nextElement(), let epoch = try reader.unsignedValue(),
      try reader.nextElement(), let number = try reader.unsignedValue(),
      try !reader.nextElement()
    else { return nil }
    return SequenceNumber(epoch: epoch, number: number)
  }
}
