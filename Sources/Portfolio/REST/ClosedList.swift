/// A list of words to which the official SDKs hold an answer: one other word, and they drop the whole
/// list that it came in (wire contract C.3).
struct ClosedList: Sendable {
  let name: String
  let values: [String]
  /// What is written for a word that is not in the list; without one the answer is refused.
  var other: String?

  static let assetClasses = ClosedList(
    name: "the asset classes", values: ["us_equity", "us_option", "crypto", "crypto_perp"])
  static let exchanges = ClosedList(
    name: "the exchanges",
    values: [
      "AMEX", "ARCA", "ASCX", "BATS", "NYSE", "NASDAQ", "NYSEARCA", "FTXU", "CBSE", "GNSS", "ERSX",
      "OTC", "CRYPTO", "",
    ], other: "")
  static let assetStatuses = ClosedList(name: "the asset statuses", values: ["active", "inactive"])
  static let positionSides = ClosedList(name: "the position sides", values: ["long", "short"])
  static let orderSides = ClosedList(name: "the order sides", values: ["buy", "sell"])
  static let orderTypes = ClosedList(
    name: "the order types", values: ["market", "limit", "stop", "stop_limit", "trailing_stop"])
  static let orderClasses = ClosedList(
    name: "the order classes", values: ["simple", "mleg", "bracket", "oco", "oto"])
  static let timesInForce = ClosedList(
    name: "the times in force", values: ["day", "gtc", "opg", "cls", "ioc", "fok"])
  static let orderStatuses = ClosedList(
    name: "the order statuses",
    values: [
      "new", "partially_filled", "filled", "done_for_day", "canceled", "expired", "replaced",
      "pending_cancel", "pending_replace", "pending_review", "accepted", "pending_new",
      "accepted_for_bidding", "stopped", "rejected", "suspended", "calculated", "held",
    ])
  static let positionIntents = ClosedList(
    name: "the position intents",
    values: ["buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close"])
  static let accountStatuses = ClosedList(
    name: "the account statuses",
    values: [
      "ACTIVE", "INACTIVE", "ONBOARDING", "SUBMITTED", "SUBMISSION_FAILED", "ACTION_REQUIRED",
      "ACCOUNT_UPDATED", "APPROVAL_PENDING", "APPROVED", "REJECTED", "ACCOUNT_CLOSED", "AML_REVIEW",
      "DISABLED", "DISABLE_PENDING", "EDITED", "KYC_SUBMITTED", "LIMITED", "PAPER_ONLY",
      "REAPPROVAL_PENDING", "RESUBMITTED", "SIGNED_UP",
    ])
}
