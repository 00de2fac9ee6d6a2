// What the server says besides the market's messages, member by member, for the document. They are
// written by hand (`ControlMessage`, `SubscriptionLists`, FanOut's `GapText`); a test holds what these
// write against the lists here, and the acceptance tests every frame that they see.
import MarketData

/// A message of the server that is no value of the market.
struct ControlShape {
  let type: String
  /// Its name in the document.
  let name: String
  let summary: String
  let fields: [MessageField]

  var members: [MessageField] { [.required("T", .choice([type]), "The kind of message.")] + fields }

  // MARK: - Alone in their frame

  static let success = ControlShape(
    type: "success", name: "success",
    summary: "Connected: the first message of all. Authenticated: the credentials were good.",
    fields: [.required("msg", .choice(["connected", "authenticated"]), "Which of the two.")])

  static let error = ControlShape(
    type: "error", name: "error", summary: "What was wrong. " + errorWords,
    fields: [
      .required("code", .code(StreamError.allCases.map { Int64($0.rawValue) }), "Which error."),
      .required("msg", .text, "Its words, and behind a colon the reason."),
    ])

  private static let errorWords = StreamError.allCases.map { error in
    let end = error.closeCode.map { ", then close \($0)" } ?? ""
    return "\(error.rawValue): \(error.message)\(end)."
  }.joined(separator: " ")

  static let shutdown = ControlShape(
    type: "shutdown", name: "shutdown",
    summary: "The server stops. Until it closes this connection, with 1012, values go on.",
    fields: [
      .required(
        "reconnect_ms", .natural,
        "Connect again so many milliseconds after this message, here: another one answers.")
    ])

  /// All that is held, after each `subscribe` and `unsubscribe`.
  static func subscription(_ path: AssetClass) -> ControlShape {
    ControlShape(
      type: "subscription", name: path == .stock ? "stockSubscription" : "cryptoSubscription",
      summary: "All that is held now, in answer to subscribe and unsubscribe.",
      fields: SubscriptionLists.channels(of: path).map { name, list in
        .required(
          "\(name)", .names,
          "\(name)" == "\(list.name)" ? "Symbols held, or * for all." : "Follows \(list.name).")
      })
  }

  // MARK: - Among the values

  static let stale = ControlShape(
    type: "stale", name: "stale",
    summary:
      "Nobody vouches any more for the symbol's value on the channel; the next one clears it.",
    fields: [
      MessageTable.symbol,
      .required("c", .choice(StreamChannel.allCases.map { "\($0.name)" }), "The channel."),
      .required("since", .time, "The last sign of life."),
    ])

  static let gap = ControlShape(
    type: "gap", name: "gap", summary: "So many messages of the channel were lost before the next.",
    fields: [
      .required(
        "S", .name, "The symbol; * when a client of * fell so far behind that nobody knows."),
      .required(
        "c",
        .choice(StreamChannel.allCases.filter { $0.key.carriesEvents }.map { "\($0.name)" }),
        "The channel."),
      .required("missed", .natural, orNull: true, "How many; null where nobody knows."),
    ])

  static let alone: [ControlShape] = [success, error, shutdown]
  static let amongValues: [ControlShape] = [stale, gap]
}
