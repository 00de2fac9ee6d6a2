// A position with what it is worth now. All arithmetic is in exact decimals; only fractions of a whole
// (`..._plpc`) are rounded, to nine digits.

struct MarkedPosition: Sendable {
  let row: PositionRow
  let mark: Mark
  let qty: ExactDecimal
  let costBasis: ExactDecimal
  /// Nil where no price is known.
  let marketValue: ExactDecimal?
  let unrealized: ExactDecimal?
  let unrealizedFraction: ExactDecimal?
  let qtyAvailable: ExactDecimal

  var isShort: Bool { qty.isNegative }

  /// What it counts for in the account's equity: at cost where no price is known.
  var value: ExactDecimal { marketValue ?? costBasis }

  static let fractionDigits = 9

  init(_ row: PositionRow, _ mark: Mark) throws {
    self.row = row
    self.mark = mark
    qty = try ExactDecimal.read(row.qty)
    costBasis = try ExactDecimal.read(row.costBasis)
    let price = mark.price.map { ExactDecimal($0.price) }
    marketValue = try price.map { [qty] price in try price * qty }
    unrealized = try marketValue.map { [costBasis] value in try value - costBasis }
    unrealizedFraction =
      costBasis.isZero
      ? nil
      : try unrealized.map { [costBasis] gain in
        try gain.divided(by: try costBasis.magnitude(), digits: MarkedPosition.fractionDigits)
      }
    // Open orders may hold more than there is.
    let free = try qty.magnitude() - (try ExactDecimal.read(row.heldQty))
    let available = free.isNegative ? .zero : free
    qtyAvailable = qty.isNegative ? try available.negated() : available
  }
}

extension ExactDecimal {
  /// Of what Postgres printed. The schema's constraints keep it in range.
  static func read(_ text: String) throws -> ExactDecimal {
    guard let value = ExactDecimal(text) else { throw UnreadableDecimal() }
    return value
  }

  struct UnreadableDecimal: Error, CustomStringConvertible {
    var description: String { "a numeric of the database is no decimal of 127 bits" }
  }
}
