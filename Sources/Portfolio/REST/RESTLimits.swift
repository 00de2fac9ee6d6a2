import WebTransport

/// The bounds of the REST part, each with the arithmetic that chose it.
enum RESTLimits {
  /// Bytes of a request's body: a watchlist of 500 symbols of 32 bytes with quotes and commas is
  /// 17.5 KB. Above: 413, by the web server where its own bound is lower.
  static let bodyBytesMax = 64 * 1_024

  /// Objects and arrays within each other in a body: `{"symbols":["AAPL"]}` is two, `preferences` of
  /// a profile may hold some.
  static let bodyNestingMax = 8

  /// Symbols in one argument; a head is at most 8 KiB, which 200 of 32 bytes fit.
  static let symbolsMax = 200

  /// Requests at work in one service. At 2 ms a request 1,024 are 500,000 requests a second; above,
  /// 503 at once.
  static let requestsMax = 1_024

  /// How long live prices are waited for. Redis answers in under 1 ms; after this the position is
  /// marked with what is known.
  static let priceMilliseconds: UInt64 = 500
}
