// A position with what it is worth now. All arithmetic is in exact decimals; only fractions of a whole
// (`..._plpc`) are rounded, to nine digits.

struct MarkedPosition: Sendable {
  let row: Position
  let mark: Mark
  /// Nil where no price is known.
  let marketValue: ExactDecimal?
  let unrealized: ExactDecimal?
  let unrealizedFraction: ExactDecimal?

  /// What it counts for in the account's equity: at cost where no price is known.
  var value: ExactDecimal { marketValue ?? row.costBasis }

  static let fractionDigits = 9

  /// - Throws: `ExactDecimal.Failure`, which no price of a market makes: 18 digits before the point
  ///   fit.
  init(_ row: Position, _ mark: Mark) throws(ExactDecimal.Failure) {
    self.row = row
    self.mark = mark
    guard let price = mark.price else {
      (marketValue, unrealized, unrealizedFraction) = (nil, nil, nil)
      return
    }
    let value = try ExactDecimal(price.price) * row.quantity
    let gain = try value - row.costBasis
    marketValue = value
    unrealized = gain
    unrealizedFraction =
      row.costBasis.isZero
      ? nil
      : try gain.divided(
        by: try row.costBasis.magnitude(), digits: MarkedPosition.fractionDigits)
  }
}
