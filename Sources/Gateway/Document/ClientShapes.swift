// What a client may say, for the document. `ClientMessage` reads it, by the names of `StreamChannel`.
import MarketData

enum ClientShapes {
  struct Shape {
    /// `auth`, and so on.
    let action: String
    /// Its name in the document.
    let name: String
    let summary: String
    let members: [Schema.Member]

    var schema: Schema {
      .object([.init(name: "action", schema: .choice([action]), isRequired: true)] + members)
    }
  }

  static let authenticate = Shape(
    action: "auth", name: "authenticate",
    summary:
      "Credentials, unless the upgrade had them: an API key and its secret, or the key oauth "
      + "and a bearer token. Within \(GatewayLimits.authenticationMilliseconds / 1_000) s of the "
      + "connection.",
    members: [
      .init(name: "key", schema: credential, isRequired: true),
      .init(name: "secret", schema: credential, isRequired: true),
    ])

  private static let credential = Schema.text(lengths: 0...ClientMessage.credentialBytesMax)

  static func subscribe(_ path: AssetClass) -> Shape {
    Shape(
      action: "subscribe", name: path == .stock ? "stockSubscribe" : "cryptoSubscribe",
      summary: "Adds to what is held; a symbol that nobody knows is held and silent. At most "
        + "\(GatewayLimits.subscriptionsPerClientMax) names a connection unless it is set otherwise (405, and nothing changes).",
      members: lists(path) + choices)
  }

  /// Of what is named in the same message, but for the interval, which is the connection's.
  private static let choices: [Schema.Member] = [
    .init(
      name: "depth", schema: .code([1, 5, 10]), isRequired: false,
      summary: "Levels a side of the order books named; 10 by default."),
    .init(
      name: "snapshot", schema: .boolean, isRequired: false,
      summary: "Whether the newest trade and bars come at once, marked with snapshot."),
    .init(
      name: "interval_ms", schema: .integer(0...60_000), isRequired: false,
      summary: "One frame in so many milliseconds: the newest state, and all events that are kept."),
    .init(
      name: "since", schema: .dictionary(.array(.natural, counts: 2...2)), isRequired: false,
      summary:
        "E and N of what was seen last, by symbol: what is kept of later events comes, else a "
        + "gap."),
  ]

  static func unsubscribe(_ path: AssetClass) -> Shape {
    Shape(
      action: "unsubscribe", name: path == .stock ? "stockUnsubscribe" : "cryptoUnsubscribe",
      summary: "Takes away what is named; * takes away *, not the symbols held by name.",
      members: lists(path))
  }

  private static func lists(_ path: AssetClass) -> [Schema.Member] {
    SubscriptionLists.channels(of: path).map { name, list in
      .init(
        name: "\(name)", schema: MessageField.Kind.names.schema, isRequired: false,
        summary: "\(name)" == "\(list.name)"
          ? "Symbols, or * for all." : "Without effect: follows \(list.name).")
    }
  }
}
