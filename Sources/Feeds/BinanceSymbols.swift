// Binance writes BTCUSDT, the stream BTC/USDT. Where the base ends, only a list of quote assets can
// say; a symbol that ends with none of them (or a dated future, BTCUSDT_240927) stays as it is.
// Each symbol is converted once.

import MarketData

struct BinanceSymbols {
  /// Longer ones first where one ends with another.
  private static let quoteAssets = [
    "FDUSD", "USDT", "USDC", "TUSD", "BUSD", "USDP", "BIDR", "IDRT", "DAI", "TRY", "EUR", "GBP",
    "BRL", "JPY", "AUD", "RUB", "UAH", "NGN", "ZAR", "PLN", "RON", "ARS", "MXN", "COP", "CZK",
    "BTC",
    "ETH", "BNB", "XRP", "TRX", "DOGE", "USD",
  ]

  /// As Binance writes them.
  private let raw = SymbolTable()
  private var converted: [SymbolID] = []

  mutating func intern(
    _ bytes: UnsafeRawBufferPointer, in symbols: SymbolTable
  ) throws(MarketDataError) -> SymbolID {
    if let known = raw.find(bytes) { return converted[Int(known.index)] }
    let name = String(decoding: bytes, as: UTF8.self)
    // First into the target: the two tables must stay in step when one of them refuses.
    let symbol = try symbols.intern(BinanceSymbols.split(name))
    _ = try raw.intern(bytes)
    converted.append(symbol)
    return symbol
  }

  static func split(_ name: String) -> String {
    guard name.utf8.count < MarketDataLimits.symbolBytesMax,
      let quote = quoteAssets.first(where: { name.hasSuffix($0) && name.utf8.count > $0.utf8.count }
      )
    else { return name }
    return "\(name.dropLast(quote.count))/\(quote)"
  }
}
