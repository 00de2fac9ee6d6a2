package import MarketData

/// Which feed a WebSocket path stands for. Nil is no stream: 404.
///
/// Every `/v2/{feed}` carries the stocks and every `/v1beta3/crypto/{location}` the crypto symbols of
/// the one feed behind this gateway, whatever the client's SDK calls it.
package enum StreamPath {
  package static func assetClass(_ path: String) -> AssetClass? {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    if parts.count == 3, parts[0].isEmpty, parts[1] == "v2", isName(parts[2]) { return .stock }
    if parts.count == 4, parts[0].isEmpty, parts[1] == "v1beta3", parts[2] == "crypto",
      isName(parts[3])
    {
      return .crypto
    }
    return nil
  }

  /// Feeds and locations as they exist: `iex`, `sip`, `delayed_sip`, `us`, `us-1`.
  private static func isName(_ text: Substring) -> Bool {
    guard 1...32 ~= text.utf8.count else { return false }
    return text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
  }
}
