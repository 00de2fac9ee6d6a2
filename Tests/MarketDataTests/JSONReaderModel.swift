// A slow, simple JSON parser written apart from `JSONReader`: recursive, over arrays, building
// values. Both must accept the same texts and find the same values.

import MarketData

indirect enum JSONTree: Equatable {
  case object([Member])
  case array([JSONTree])
  case string(String)
  case number(String)
  case boolean(Bool)
  case null

  struct Member: Equatable {
    var key: String
    var value: JSONTree
  }

  /// What `JSONReader` finds in a text; throws its error.
  static func read(_ bytes: UnsafeRawBufferPointer) throws(JSONError) -> JSONTree {
    var reader = JSONReader(bytes)
    let tree = try read(&reader)
    try reader.end()
    return tree
  }

  private static func read(_ reader: inout JSONReader) throws(JSONError) -> JSONTree {
    switch try reader.peek() {
    case .object:
      var members: [Member] = []
      try reader.beginObject()
      while let key = try reader.nextKey() {
        members.append(Member(key: key.string, value: try read(&reader)))
      }
      return .object(members)
    case .array:
      var elements: [JSONTree] = []
      try reader.beginArray()
      while try reader.nextElement() { elements.append(try read(&reader)) }
      return .array(elements)
    case .string: return .string(try reader.string().string)
    case .number: return .number(String(decoding: try reader.number(), as: UTF8.self))
    case .boolean: return .boolean(try reader.boolean())
    case .null:
      try reader.null()
      return .null
    }
  }
}

/// The model; nil for what is not JSON or nests too deeply.
struct JSONModel {
  private var rest: ArraySlice<UInt8>

  static func parse(_ bytes: [UInt8]) -> JSONTree? {
    var model = JSONModel(rest: bytes[...])
    guard let tree = model.value(depth: 0) else { return nil }
    model.skipSpace()
    return model.rest.isEmpty ? tree : nil
  }

  private mutating func skipSpace() {
    rest = rest.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
  }

  private mutating func take(_ text: String) -> Bool {
    guard rest.starts(with: text.utf8) else { return false }
    rest = rest.dropFirst(text.utf8.count)
    return true
  }

  private mutating func value(depth: Int) -> JSONTree? {
    skipSpace()
    if take("null") { return .null }
    if take("true") { return .boolean(true) }
    if take("false") { return .boolean(false) }
    if rest.first == UInt8(ascii: "\"") { return string().map { .string($0) } }
    guard take("{") else {
      return take("[") ? array(depth: depth + 1) : number()
    }
    return object(depth: depth + 1)
  }

  private mutating func object(depth: Int) -> JSONTree? {
    guard depth <= JSONReader.nestingMax else { return nil }
    var members: [JSONTree.Member] = []
    skipSpace()
    if take("}") { return .object([]) }
    repeat {
      skipSpace()
      guard let key = string() else { return nil }
      skipSpace()
      guard take(":"), let value = value(depth: depth) else { return nil }
      members.append(JSONTree.Member(key: key, value: value))
      skipSpace()
    } while take(",")
    return take("}") ? .object(members) : nil
  }

  private mutating func array(depth: Int) -> JSONTree? {
    guard depth <= JSONReader.nestingMax else { return nil }
    var elements: [JSONTree] = []
    skipSpace()
    if take("]") { return .array([]) }
    repeat {
      guard let value = value(depth: depth) else { return nil }
      elements.append(value)
      skipSpace()
    } while take(",")
    return take("]") ? .array(elements) : nil
  }

  private mutating func number() -> JSONTree? {
    let pattern = /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/
    let text = String(decoding: rest.prefix { $0 < 0x80 }, as: UTF8.self)
    guard let match = text.prefixMatch(of: pattern) else { return nil }
    rest = rest.dropFirst(match.output.0.utf8.count)
    return .number(String(match.output.0))
  }

  private mutating func string() -> String? {
    guard take("\"") else { return nil }
    var units: [UInt16] = []
    while let byte = rest.first, byte != UInt8(ascii: "\"") {
      if take("\\") {
        guard let unit = escape() else { return nil }
        units.append(unit)
        continue
      }
      let run = rest.prefix { $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
      guard run.allSatisfy({ $0 >= 0x20 }), let text = String(validating: run, as: UTF8.self)
      else { return nil }
      // A raw scalar parts two escaped halves, so halves pair only within a run of escapes.
      units += text.utf16
      rest = rest.dropFirst(run.count)
    }
    guard take("\"") else { return nil }
    return String(validating: units, as: UTF16.self)
  }

  private mutating func escape() -> UInt16? {
    let letters: [Character: UInt16] = [
      "\"": 0x22, "\\": 0x5C, "/": 0x2F, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9,
    ]
    guard let letter = rest.popFirst() else { return nil }
    if letter != UInt8(ascii: "u") { return letters[Character(Unicode.Scalar(letter))] }
    let digits = rest.prefix(4)
    guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else {
      return nil
    }
    rest = rest.dropFirst(4)
    return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
  }
}
