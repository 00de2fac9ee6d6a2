// An account with what its positions make of it. Figures that depend on a broker's rules which this
// system does not have (maintenance margin, special memorandum account) are left out, not invented.

struct AccountSummary: Sendable {
  let row: Account
  let longValue: ExactDecimal
  /// Not positive.
  let shortValue: ExactDecimal
  let equity: ExactDecimal
  /// What could still be bought: equity times the multiplier, less what is held, long and short.
  let buyingPower: ExactDecimal
  /// Symbols of positions whose price no living feed vouches for.
  let pricesStale: [String]

  init(_ row: Account, _ positions: [MarkedPosition]) throws(ExactDecimal.Failure) {
    self.row = row
    longValue = try positions.filter(\.row.isLong).map(\.value).sum()
    shortValue = try positions.filter { !$0.row.isLong }.map(\.value).sum()
    equity = try (try row.cash + longValue) + shortValue
    let held = try longValue - shortValue
    let power = try (try equity * ExactDecimal(row.multiplier)) - held
    buyingPower = power.isNegative ? .zero : power
    pricesStale = positions.filter(\.mark.isStale).map(\.row.symbol)
  }
}
