// What is on the wire, as a tree, for both encodings: read and written by the tests' own code, so
// that a mistake of the product's encoders cannot hide in its decoders.

indirect enum WireValue: Equatable, Sendable {
  case null
  case bool(Bool)
  case integer(Int64)
  case float(Double)
  case string(String)
  case array([WireValue])
  /// In the order of the wire.
  case map([Entry])
  /// Nanoseconds since 1970: MessagePack's ext -1.
  case timestamp(Int64)

  struct Entry: Equatable, Sendable {
    let key: String
    let value: WireValue
  }

  struct Malformed: Error {
    let position: Int
  }

  subscript(key: String) -> WireValue? {
    guard case .map(let entries) = self else { return nil }
    return entries.first { $0.key == key }?.value
  }

  subscript(index: Int) -> WireValue { array[index] }

  var keys: [String] {
    guard case .map(let entries) = self else { return [] }
    return entries.map(\.key)
  }

  var array: [WireValue] {
    guard case .array(let elements) = self else { return [] }
    return elements
  }

  var string: String? {
    guard case .string(let text) = self else { return nil }
    return text
  }

  var integer: Int64? {
    guard case .integer(let value) = self else { return nil }
    return value
  }

  /// A number of either kind.
  var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .float(let value): value
    default: nil
    }
  }

  /// A list of strings; nil when anything else is in it.
  var strings: [String]? {
    guard case .array(let elements) = self else { return nil }
    let texts = elements.compactMap(\.string)
    return texts.count == elements.count ? texts : nil
  }

  // MARK: - What every data message has

  var kind: String { self["T"]?.string ?? "" }
  var symbol: String { self["S"]?.string ?? "" }
  /// (E, N), comparable.
  var sequence: [Int64] { [self["E"]?.integer ?? -1, self["N"]?.integer ?? -1] }
}

extension WireValue: ExpressibleByStringLiteral, ExpressibleByDictionaryLiteral,
  ExpressibleByArrayLiteral
{
  init(stringLiteral text: String) { self = .string(text) }
  init(arrayLiteral elements: WireValue...) { self = .array(elements) }
  init(dictionaryLiteral entries: (String, WireValue)...) {
    self = .map(entries.map { Entry(key: $0.0, value: $0.1) })
  }
  static func strings(_ texts: [String]) -> WireValue { .array(texts.map { .string($0) }) }
}
