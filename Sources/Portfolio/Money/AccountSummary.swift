// An account with what its positions make of it. Figures that depend on a broker's rules which this
// system does not have (maintenance margin, special memorandum account) are left out, not invented.

struct AccountSummary: Sendable {
  let row: AccountRow
  let cash: ExactDecimal
  let longValue: ExactDecimal
  /// Not positive.
  let shortValue: ExactDecimal
  let equity: ExactDecimal
  /// What could still be bought: equity times the multiplier, less what is held, long and short.
  let buyingPower: ExactDecimal
  /// Symbols of positions whose price no living feed vouches for.
  let pricesStale: [String]

  init(_ row: AccountRow, _ positions: [MarkedPosition]) throws {
    self.row = row
    cash = try ExactDecimal.read(row.cash)
    longValue = try positions.filter { !$0.isShort }.map(\.value).sum()
    shortValue = try positions.filter(\.isShort).map(\.value).sum()
    equity = try (try cash + longValue) + shortValue
    let held = try longValue - shortValue
    let power = try (try equity * ExactDecimal(row.multiplier)) - held
    buyingPower = power.isNegative ? .zero : power
    pricesStale = positions.filter(\.mark.isStale).map(\.row.symbol)
  }
}
