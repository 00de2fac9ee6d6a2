/// The symbols that a simulation knows by name, and how their prices and sizes look.
struct SimulatedListing {
  enum Market {
    case nasdaq, nyse, nse, crypto
  }

  var name: String
  var market: Market
  /// Where the price starts, in steps.
  var priceSteps: Int64
  /// The distance of neighbouring price levels, in nanos.
  var stepNanos: Int64
  /// One unit of size, in nanos.
  var unitNanos: Int64

  /// The stock at a place of the list; beyond the known names SIM0001 and so on.
  static func stock(_ index: Int, generator: inout SeededGenerator) -> SimulatedListing {
    if index < stocks.count {
      let (name, market, cents) = stocks[index]
      // The ticks of the exchanges: 0.01 in the US, 0.05 in India.
      let ticks: Int64 = market == .nse ? 5 : 1
      return SimulatedListing(
        name: name, market: market, priceSteps: cents / ticks, stepNanos: ticks * 10_000_000,
        unitNanos: 1_000_000_000)
    }
    return SimulatedListing(
      name: numbered(index - stocks.count), market: .nasdaq,
      priceSteps: 1_000 + generator.below(40_000), stepNanos: 10_000_000,
      unitNanos: 1_000_000_000)
  }

  static func crypto(_ index: Int, generator: inout SeededGenerator) -> SimulatedListing {
    if index < pairs.count {
      let (name, steps, stepNanos, unitNanos) = pairs[index]
      return SimulatedListing(
        name: name, market: .crypto, priceSteps: steps, stepNanos: stepNanos, unitNanos: unitNanos)
    }
    return SimulatedListing(
      name: numbered(index - pairs.count) + "/USD", market: .crypto,
      priceSteps: 1_000 + generator.below(40_000), stepNanos: 1_000_000, unitNanos: 100_000_000)
  }

  /// SIM0001, SIM0002, ...; five digits after 9,999.
  private static func numbered(_ index: Int) -> String {
    let digits = String(index + 1)
    return "SIM" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }

  /// Name, market, and a price in hundredths.
  private static let stocks: [(String, Market, Int64)] = [
    ("AAPL", .nasdaq, 18_997), ("MSFT", .nasdaq, 41_862), ("NVDA", .nasdaq, 12_431),
    ("AMZN", .nasdaq, 18_405), ("GOOGL", .nasdaq, 16_722), ("META", .nasdaq, 50_968),
    ("TSLA", .nasdaq, 24_310), ("AMD", .nasdaq, 13_847), ("SPY", .nyse, 53_104),
    ("QQQ", .nasdaq, 45_021), ("JPM", .nyse, 20_511), ("NFLX", .nasdaq, 63_377),
    ("INTC", .nasdaq, 2_093), ("BAC", .nyse, 3_912), ("DIS", .nyse, 9_146),
    ("KO", .nyse, 6_854), ("XOM", .nyse, 11_587), ("PFE", .nyse, 2_881),
    ("V", .nyse, 26_418), ("WMT", .nyse, 6_903), ("BA", .nyse, 16_829),
    ("CSCO", .nasdaq, 4_688), ("PYPL", .nasdaq, 6_519), ("UBER", .nyse, 7_112),
    ("RELIANCE", .nse, 292_340), ("INFY", .nse, 175_685), ("TCS", .nse, 417_515),
    ("AVGO", .nasdaq, 15_203), ("COST", .nasdaq, 83_990), ("ORCL", .nyse, 13_366),
    ("CRM", .nyse, 25_301), ("ADBE", .nasdaq, 53_872), ("PEP", .nasdaq, 17_344),
    ("TMUS", .nasdaq, 19_170), ("QCOM", .nasdaq, 16_255), ("TXN", .nasdaq, 19_518),
    ("AMGN", .nasdaq, 32_248), ("HON", .nasdaq, 19_926), ("INTU", .nasdaq, 62_540),
    ("SBUX", .nasdaq, 7_688), ("GILD", .nasdaq, 7_455), ("MU", .nasdaq, 9_243),
    ("LRCX", .nasdaq, 8_122), ("ADI", .nasdaq, 21_267), ("MDLZ", .nasdaq, 7_034),
    ("PANW", .nasdaq, 32_518), ("KLAC", .nasdaq, 76_101), ("MAR", .nasdaq, 22_076),
    ("ABNB", .nasdaq, 11_533), ("WDAY", .nasdaq, 22_890), ("GS", .nyse, 48_764),
    ("MS", .nyse, 9_851), ("C", .nyse, 5_943), ("WFC", .nyse, 5_507),
    ("AXP", .nyse, 23_680), ("BLK", .nyse, 84_525), ("SCHW", .nyse, 6_342),
    ("HD", .nyse, 35_319), ("LOW", .nyse, 23_877), ("MCD", .nyse, 27_142),
    ("NKE", .nyse, 7_468), ("TGT", .nyse, 13_975), ("PG", .nyse, 16_881),
    ("CL", .nyse, 10_214), ("CVX", .nyse, 14_509), ("COP", .nyse, 10_867),
    ("SLB", .nyse, 4_423), ("CAT", .nyse, 33_750), ("DE", .nyse, 36_119),
    ("GE", .nyse, 16_636), ("MMM", .nyse, 12_595), ("UPS", .nyse, 12_757),
    ("FDX", .nyse, 28_412), ("LMT", .nyse, 55_208), ("RTX", .nyse, 11_733),
    ("UNH", .nyse, 57_044), ("JNJ", .nyse, 15_989), ("MRK", .nyse, 11_362),
    ("ABBV", .nyse, 18_973), ("LLY", .nyse, 84_527), ("BMY", .nyse, 4_752),
    ("CVS", .nyse, 5_768), ("TMO", .nyse, 60_411), ("DHR", .nyse, 27_033),
    ("T", .nyse, 1_938), ("VZ", .nyse, 4_051), ("F", .nyse, 1_067),
    ("GM", .nyse, 4_429), ("IBM", .nyse, 19_117), ("NOW", .nyse, 80_962),
    ("MA", .nyse, 45_877), ("PM", .nyse, 11_706), ("MO", .nyse, 5_038),
    ("SO", .nyse, 8_660), ("DUK", .nyse, 11_294), ("NEE", .nyse, 7_749),
    ("PLTR", .nyse, 2_996), ("SNAP", .nyse, 942),
  ]

  /// Name, a price in steps, the step in nanos, the unit of size in nanos.
  private static let pairs: [(String, Int64, Int64, Int64)] = [
    ("BTC/USD", 123_675, 500_000_000, 100_000), ("ETH/USD", 53_812, 50_000_000, 1_000_000),
    ("SOL/USD", 15_734, 10_000_000, 10_000_000), ("LTC/USD", 6_019, 10_000_000, 10_000_000),
    ("AVAX/USD", 22_417, 1_000_000, 10_000_000), ("LINK/USD", 10_236, 1_000_000, 100_000_000),
    ("BCH/USD", 34_780, 10_000_000, 1_000_000), ("DOGE/USD", 10_127, 10_000, 1_000_000_000),
  ]
}
