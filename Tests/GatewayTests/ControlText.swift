import FanOut
import MarketData

@testable import Gateway

/// A client's message as a tree, to be written in both encodings.
indirect enum ControlText {
  case string(String)
  case number(Int64)
  case bool(Bool)
  case null
  case list([ControlText])
  case map([(String, ControlText)])

  static func names(_ names: String...) -> ControlText { .list(names.map { .string($0) }) }

  func writeJSON(into out: inout ByteWriter) {
    switch self {
    case .string(let text): out.appendJSONString(text)
    case .number(let number):
      if number < 0 { out.append("-") }
      out.appendDecimal(number.magnitude)
    case .bool(let value): out.append(text: value ? "true" : "false")
    case .null: out.append("null")
    case .list(let elements):
      out.append("[")
      for (place, element) in elements.enumerated() {
        if place > 0 { out.append(", ") }
        element.writeJSON(into: &out)
      }
      out.append("]")
    case .map(let pairs):
      out.append("{")
      for (place, (key, value)) in pairs.enumerated() {
        if place > 0 { out.append(",") }
        out.appendJSONString(key)
        out.append(": ")
        value.writeJSON(into: &out)
      }
      out.append("}")
    }
  }

  func writeMessagePack(into out: inout ByteWriter) {
    switch self {
    case .string(let text): out.packString(text: text)
    case .number(let number): out.packInteger(number)
    case .bool(let value): out.packBool(value)
    case .null: out.packNil()
    case .list(let elements):
      out.packArray(count: elements.count)
      for element in elements { element.writeMessagePack(into: &out) }
    case .map(let pairs):
      out.packMap(count: pairs.count)
      for (key, value) in pairs {
        out.packString(text: key)
        value.writeMessagePack(into: &out)
      }
    }
  }

  var json: [UInt8] {
    var out = ByteWriter()
    writeJSON(into: &out)
    return out.withUnsafeBytes { Array($0) }
  }

  var messagePack: [UInt8] {
    var out = ByteWriter()
    writeMessagePack(into: &out)
    return out.withUnsafeBytes { Array($0) }
  }
}

/// What a decoder made of a message, to be compared.
struct Decoded: Hashable {
  var action: ClientMessage.Action?
  var key = ""
  var secret = ""
  /// `trades:AAPL`, in the message's order.
  var names: [String] = []
  var depth: BookDepth?
  var wantsSnapshot = false
  var interval: UInt64?
  /// `AAPL 1 7`, sorted.
  var since: [String] = []
  var fault: StreamError?
  var reason = ""

  init(_ bytes: [UInt8], messagePack: Bool) {
    var message = ClientMessage()
    do {
      try bytes.withUnsafeBytes { bytes in
        if messagePack {
          try message.decodeMessagePack(bytes)
        } else {
          try message.decodeJSON(bytes)
        }
      }
    } catch let error as ClientMessageFault {
      fault = error.error
      reason = error.reason
      return
    } catch {
      preconditionFailure("\(error)")
    }
    action = message.action
    key = String(decoding: message.key, as: UTF8.self)
    secret = String(decoding: message.secret, as: UTF8.self)
    depth = message.choices.depth
    wantsSnapshot = message.choices.wantsSnapshot
    interval = message.choices.intervalMilliseconds
    since = message.sinceBySymbol().map { symbol, sequence in
      let name = symbol.withBytes { String(decoding: $0, as: UTF8.self) }
      return "\(name) \(sequence.epoch) \(sequence.number)"
    }.sorted()
    for entry in message.entries {
      let name = message.withName(entry) { String(decoding: $0, as: UTF8.self) }
      names.append("\(entry.channel.name):\(name)")
    }
  }

  /// Of one message in both encodings; their reasons differ in the places they name.
  static func both(_ text: ControlText) -> [Decoded] {
    [Decoded(text.json, messagePack: false), Decoded(text.messagePack, messagePack: true)]
  }
}
