// Every message of the market as it goes over the wire, member by member: the one list from which
// the documents are made (`/asyncapi.json`, the rows in `/openapi.json`) and by which a value out of
// Redis is checked before REST shows it. `WireJSON` writes them by hand, for speed; a test holds what
// it writes, with all optional members and with none, against this list, and one what the
// MessagePack transcoder makes of each member.

/// A kind of message.
package struct MessageShape: Sendable {
  /// Its `"T"`.
  package let type: String
  /// Its name in the documents.
  package let name: String
  package let summary: String
  /// The channel that carries it.
  package let channel: StreamChannel
  /// Whether it comes by itself with `channel`, under a name of its own in acknowledgements.
  package var follower: String?
  /// Beyond what every message has.
  package let fields: [MessageField]

  /// Whether each of them says which one came before it.
  package var isChained: Bool { channel.key.carriesEvents }

  package func isCarried(by assetClass: AssetClass) -> Bool {
    // Corrections and cancelled trades are the stock path's.
    channel.isCarried(by: assetClass) && (follower == nil || assetClass == .stock)
  }

  /// All that the message may have on the stream.
  package var members: [MessageField] {
    (isChained ? [MessageTable.snapshot] : []) + written
  }

  /// What encoders write, in their order.
  package var written: [MessageField] {
    MessageTable.place + (isChained ? MessageTable.chain : [])
      + [.required("T", .choice([type]), "The kind of message."), MessageTable.symbol] + fields
  }
}

package enum MessageTable {
  static let place: [MessageField] = [
    .required("E", .natural, "The epoch: it grows whenever numbering begins anew."),
    .required("N", .natural, "The feed's own position: a newer value has a larger (E, N)."),
  ]
  static let chain: [MessageField] = [
    .required(
      "P", .natural,
      "The N of the symbol's message before this one on the channel; 0 for the first of a run."),
    .optional("Q", .natural, "The E of that message, where it is another than this one's."),
  ]
  /// A gateway's.
  static let snapshot = MessageField.optional(
    "snapshot", .flag, "True: the newest one from before the subscription, which asked for it.")
  package static let symbol = MessageField.required("S", .symbol, "The symbol.")

  private static let time = MessageField.required("t", .time, "When it happened.")
  private static let tape = MessageField.optional("z", .text, "The tape.")
  private static let tapeOrEmpty = MessageField.required("z", .text, "The tape, or an empty text.")
  private static let conditions = MessageField.optional("c", .conditions, "Conditions.")
  private static let exchange = MessageField.optional("x", .text, "The exchange.")

  package static let trade = MessageShape(
    type: "t", name: "trade", summary: "A last sale. None is left out without a gap being told.",
    channel: .trades,
    fields: [
      time,
      .required("p", .price, "Price."),
      .required("s", .size, "Size."),
      .optional("i", .integer, "The exchange's id of the trade."),
      exchange, conditions, tape,
      .optional("tks", .choice(["B", "S"]), "Crypto: who took, buyer or seller."),
    ])

  package static let quote = MessageShape(
    type: "q", name: "quote", summary: "The best bid and ask; a newer one replaces it.",
    channel: .quotes,
    fields: [
      time,
      .required("bp", .price, "Bid price, 0 without a bid."),
      .required("bs", .size, "Bid size."),
      .required("ap", .price, "Ask price, 0 without an ask."),
      .required("as", .size, "Ask size."),
      .optional("bx", .text, "The bid's exchange."),
      .optional("ax", .text, "The ask's exchange."),
      conditions, tape,
    ])

  package static let orderBook = MessageShape(
    type: "o", name: "orderBook",
    summary: "The whole top of a book, 1, 5 or 10 levels; a newer one replaces it.",
    channel: .orderbooks,
    fields: [
      time,
      .required("b", .levels, "Bids, the highest first."),
      .required("a", .levels, "Asks, the lowest first."),
      .required("r", .flag, "True: it is whole, and replaces what was there."),
    ])

  package static let bar = barShape(
    "b", "bar", .bars, "A minute that is over.")
  package static let updatedBar = barShape(
    "u", "updatedBar", .updatedBars, "A minute that was over and that a late trade changed, whole.")
  package static let dailyBar = barShape(
    "d", "dailyBar", .dailyBars, "The day so far; a newer one replaces it.")

  private static func barShape(
    _ type: String, _ name: String, _ channel: StreamChannel, _ summary: String
  ) -> MessageShape {
    MessageShape(
      type: type, name: name, summary: summary, channel: channel,
      fields: [
        .required("t", .time, "Its beginning."),
        .required("o", .price, "The first price."),
        .required("h", .price, "The highest."),
        .required("l", .price, "The lowest."),
        .required("c", .price, "The last."),
        .required("v", .size, "The sum of sizes."),
        .required("n", .natural, orNull: true, "How many trades; null where nobody knows."),
        .required("vw", .price, orNull: true, "The mean price, weighted by size."),
      ])
  }

  package static let status = MessageShape(
    type: "s", name: "status", summary: "A halt or a resumption; a newer one replaces it.",
    channel: .statuses,
    fields: [
      time,
      .required("sc", .text, "The status' code."),
      .required("sm", .text, "The status in words."),
      .required("rc", .text, "The reason's code."),
      .required("rm", .text, "The reason in words."),
      tapeOrEmpty,
    ])

  package static let correction = MessageShape(
    type: "c", name: "correction", summary: "A trade that was reported wrongly.",
    channel: .trades, follower: "corrections",
    fields: [
      time, exchange,
      .optional("oi", .integer, "The original's id."),
      .required("op", .price, "Its price."),
      .required("os", .size, "Its size."),
      .required("oc", .conditions, "Its conditions."),
      .optional("ci", .integer, "The corrected trade's id."),
      .required("cp", .price, "Its price."),
      .required("cs", .size, "Its size."),
      .required("cc", .conditions, "Its conditions."),
      tapeOrEmpty,
    ])

  package static let cancelError = MessageShape(
    type: "x", name: "cancelError", summary: "A trade that was cancelled.",
    channel: .trades, follower: "cancelErrors",
    fields: [
      time, exchange,
      .required("p", .price, "The trade's price."),
      .required("s", .size, "Its size."),
      .optional("i", .integer, "Its id."),
      .optional("a", .text, "Cancelled, C, or an error, E."),
      tapeOrEmpty,
    ])

  /// What the encoders write, each kind once.
  package static let all: [MessageShape] = [
    trade, quote, orderBook, bar, updatedBar, dailyBar, status, correction, cancelError,
  ]
}
