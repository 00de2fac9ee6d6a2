package import MarketData

/// A symbol by its name, inline: clients may ask for symbols that no feed has, so the gateway keeps no
/// table of all that were ever named.
package struct SymbolName: Hashable, Sendable {
  private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
  private let count: UInt8

  /// Nil when the bytes are no symbol.
  package init?(_ bytes: UnsafeRawBufferPointer) {
    guard SymbolTable.isWellFormed(bytes) else { return nil }
    count = UInt8(bytes.count)  // at most 32
    withUnsafeMutableBytes(of: &words) { $0.copyMemory(from: bytes) }
  }

  package init?(_ text: String) {
    var text = text
    guard let name = text.withUTF8({ SymbolName(UnsafeRawBufferPointer($0)) }) else { return nil }
    self = name
  }

  package func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    withUnsafeBytes(of: words) { body(UnsafeRawBufferPointer(rebasing: $0[..<Int(count)])) }
  }

  package var assetClass: AssetClass {
    withBytes { $0.contains(UInt8(ascii: "/")) ? .crypto : .stock }
  }

  package static func == (a: SymbolName, b: SymbolName) -> Bool {
    a.words == b.words && a.count == b.count
  }

  package func hash(into hasher: inout Hasher) {
    withBytes { hasher.combine(bytes: $0) }
  }
}
