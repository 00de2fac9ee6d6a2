// Whom the addresses in X-Forwarded-For are believed from. Behind a proxy every connection has the
// proxy's address, and failures of one client would count for all; but the header is written by
// whoever sends it, so it counts only on connections of proxies that the operator names.
//
// Each proxy adds the address it was spoken to from at the end. Read from there, the first address that
// is no trusted proxy is the client's; everything before it is what the client says of itself. Pure.

public struct TrustedProxies: Sendable, Hashable {
  private let addresses: Set<ExactAddress>

  /// Nobody: the header is not read.
  public init() { addresses = [] }

  /// `127.0.0.1,10.0.0.7,::1`; nil when an entry is no numeric address.
  public init?(parsing text: String) {
    var addresses: Set<ExactAddress> = []
    for entry in text.split(separator: ",") {
      let entry = TrustedProxies.trimmed(entry)
      guard !entry.isEmpty else { continue }
      guard addresses.count < CredentialsLimits.proxiesMax, let address = ExactAddress(entry) else {
        return nil
      }
      addresses.insert(address)
    }
    self.addresses = addresses
  }

  /// Where a client comes from that speaks from `remote`. A list that ends in something else than an
  /// address says nothing that can be believed: then it is the proxy's own.
  public func client(remote: String, forwarded: @autoclosure () -> String?) -> ClientAddress {
    guard !addresses.isEmpty, let peer = ExactAddress(remote), addresses.contains(peer),
      let list = forwarded()
    else { return ClientAddress(remote) }
    var nearest = peer
    for entry in list.split(separator: ",", omittingEmptySubsequences: false).reversed() {
      guard let address = ExactAddress(TrustedProxies.trimmed(entry)) else { break }
      nearest = address
      guard addresses.contains(address) else { break }
    }
    return ClientAddress(nearest)
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text.drop { $0 == " " || $0 == "\t" }
    while text.last == " " || text.last == "\t" { text.removeLast() }
    return String(text)
  }
}
