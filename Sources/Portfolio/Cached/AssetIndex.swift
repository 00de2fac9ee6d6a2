// All assets in one value, as far as lists and look-ups need them: `config:assets`. What an asset is
// besides is in `asset:{symbol}`, one key each, so that one of 12,000 that changes costs one key.
//
// In Redis it is lines of words, read as bytes from anybody: what is not exactly so is no value.

struct AssetIndex: Sendable {
  struct Entry: Sendable, Equatable {
    var id: String
    var symbol: String
    var assetClass: String
    /// Empty: one that the API has no word for.
    var exchange: String
    var status: String
    var attributes: [String]
  }

  let entries: [Entry]
  private let places: [String: Int]

  /// In the order of their symbols.
  init(_ entries: [Entry]) {
    self.entries = entries
    var places: [String: Int] = [:]
    for (place, entry) in entries.enumerated() {
      places[entry.id] = place
      // A symbol of its own goes before a coin without its slash.
      if entry.assetClass == "crypto" {
        let plain = entry.symbol.filter { $0 != "/" }
        if places[plain] == nil { places[plain] = place }
      }
    }
    for (place, entry) in entries.enumerated() { places[entry.symbol] = place }
    self.places = places
  }

  /// By symbol, by symbol without the slash (BTCUSD), or by id.
  func find(_ name: String) -> Entry? {
    (places[name] ?? places[name.lowercased()]).map { entries[$0] }
  }

  init(_ assets: [Asset]) {
    self.init(
      assets.map {
        Entry(
          id: $0.id, symbol: $0.symbol, assetClass: $0.assetClass, exchange: $0.exchange,
          status: $0.status, attributes: $0.attributes)
      })
  }

  // MARK: - In Redis

  private static let version = "x1"

  func encode() -> [UInt8] {
    var text = AssetIndex.version
    for entry in entries {
      let words = [
        entry.id, entry.symbol, entry.assetClass, entry.exchange, entry.status,
        entry.attributes.joined(separator: ","),
      ]
      text += "\n" + words.joined(separator: "\t")
    }
    return Array(text.utf8)
  }

  init?(decoding bytes: [UInt8]) {
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.first == Substring(AssetIndex.version) else { return nil }
    var entries: [Entry] = []
    for line in lines.dropFirst() {
      let words = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      guard words.count == 6, ValueKind.uuid.fromText(words[0]) == words[0],
        ValueKind<String>.isSymbol(words[1])
      else { return nil }
      entries.append(
        Entry(
          id: words[0], symbol: words[1], assetClass: words[2], exchange: words[3],
          status: words[4], attributes: words[5].split(separator: ",").map(String.init)))
    }
    self.init(entries)
  }
}
