// Short texts that repeat endlessly on a tape (exchange and tape letters, lists of conditions) as
// dense small integers.
//
// Owned by one loop thread and not Sendable. Texts are UTF-8 and are never removed: the bound is
// `MarketDataLimits.codesMax`. Whether a text is a plain string (`x`, `z`) or a JSON value itself
// (the conditions) is known to the field that holds its id, not to the table. Number 0 means
// "absent", so the entry with index 0 has `CodeID(index: 1)`.

/// Codes and their numbers.
public final class CodeTable {
  private var table = InternTable(entriesMax: MarketDataLimits.codesMax)

  private static let plain: UInt8 = 1

  public init() {}

  /// Codes held.
  public var count: Int { table.count }

  /// The code's id, given now if it is new.
  public func intern(_ bytes: RawSpan) throws(MarketDataError) -> CodeID {
    try bytes.withUnsafeBytes { (bytes) throws(MarketDataError) -> CodeID in try intern(bytes) }
  }

  /// The code's id, given now if it is new.
  public func intern(_ bytes: UnsafeRawBufferPointer) throws(MarketDataError) -> CodeID {
    if let index = table.find(bytes) { return CodeID(index: UInt16(index + 1)) }
    guard bytes.count >= 1, bytes.count <= MarketDataLimits.codeBytesMax, UTF8Check.isValid(bytes)
    else { throw .codeMalformed }
    let mark = JSONEscape.needsNoEscape(bytes) ? CodeTable.plain : 0
    guard let index = table.add(bytes, mark: mark) else { throw .codesFull }
    return CodeID(index: UInt16(index + 1))
  }

  /// The code's id, given now if it is new.
  public func intern(_ text: String) throws(MarketDataError) -> CodeID {
    try intern(text.utf8Span.span.bytes)
  }

  /// The code's text, for the time of the call; none for `.absent`.
  public func withBytes<E: Error, R: ~Copyable>(
    of code: CodeID, _ body: (RawSpan) throws(E) -> R
  ) throws(E) -> R {
    guard code != .absent else {
      return try body(UnsafeRawBufferPointer(start: nil, count: 0).bytes)
    }
    return try table.withBytes(of: Int(code.index) - 1) { (bytes) throws(E) -> R in
      try body(bytes.bytes)
    }
  }

  /// The code as a string, empty for `.absent`: for logs and tests, not per message.
  public func text(of code: CodeID) -> String {
    guard code != .absent else { return "" }
    return table.withBytes(of: Int(code.index) - 1) { String(decoding: $0, as: UTF8.self) }
  }

  /// Appends the code's bytes as they are: it is a JSON value itself.
  @inline(__always)
  func appendVerbatim(_ code: CodeID, to writer: inout ByteWriter) {
    table.withBytes(of: Int(code.index) - 1) { writer.append($0) }
  }

  /// Appends the code as a JSON string, with its quotes.
  @inline(__always)
  func appendString(_ code: CodeID, to writer: inout ByteWriter) {
    let index = Int(code.index) - 1
    if table.mark(of: index) == CodeTable.plain {
      writer.append(UInt8(ascii: "\""))
      table.withBytes(of: index) { writer.append($0) }
      writer.append(UInt8(ascii: "\""))
    } else {
      table.withBytes(of: index) { JSONEscape.appendString($0, to: &writer) }
    }
  }
}
