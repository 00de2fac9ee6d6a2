// Which trades count for what, by their sale conditions.
//
// Source: the consolidated update rules ("high/low, last, volume") of the two plans that run the US
// tapes: CTS Pillar Output Specification, "Sale Conditions and their impact" (tapes A and B), and UTP
// Data Feed Services Specification, "Sale condition matrix" (tape C). Where they give "only if it is
// the first qualifying price" for the last sale (sold last, prior reference price, derivatively
// priced, bunched sold, sold out of sequence) the price counts for high and low, and is open or close
// of a span only while the span has no other.
//
// Form T is the one that depends on the clock: outside regular hours nearly every trade carries it,
// and minute bars there are made of it; a day's prices never are.

/// What a trade changes in a bar.
public struct SaleEffect: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Volume, trade count and vwap.
  public static let volume = SaleEffect(rawValue: 1)
  public static let highLow = SaleEffect(rawValue: 2)
  /// Open and close.
  public static let openClose = SaleEffect(rawValue: 4)
  /// As Form T: high, low, open and close too, of a minute outside regular hours.
  public static let extendedHours = SaleEffect(rawValue: 8)

  public static let all: SaleEffect = [.volume, .highLow, .openClose]
  static let none: SaleEffect = []
}

enum SaleCondition {
  /// A condition that both plans know alike; what is unknown is a regular sale.
  static func effect(of condition: some StringProtocol, isTapeC: Bool) -> SaleEffect {
    guard condition.utf8.count == 1, let letter = condition.utf8.first else { return .all }
    switch letter {
    // Cash, price variation, odd lot, next day, seller, extended hours sold out of sequence,
    // contingent, qualified contingent: prices that were not the market's then.
    case UInt8(ascii: "C"), UInt8(ascii: "H"), UInt8(ascii: "I"), UInt8(ascii: "N"),
      UInt8(ascii: "R"), UInt8(ascii: "U"), UInt8(ascii: "V"), UInt8(ascii: "7"):
      return .volume
    // Average price: B on tapes A and B, W on tape C, where B is a bunched trade.
    case UInt8(ascii: "B"): return isTapeC ? .all : .volume
    case UInt8(ascii: "W"): return isTapeC ? .volume : .all
    // Sold last, prior reference price, sold out of sequence, derivatively priced.
    case UInt8(ascii: "L"), UInt8(ascii: "P"), UInt8(ascii: "Z"), UInt8(ascii: "4"):
      return [.volume, .highLow]
    // Bunched sold trade.
    case UInt8(ascii: "G"): return isTapeC ? [.volume, .highLow] : .all
    case UInt8(ascii: "T"): return [.volume, .extendedHours]
    // The exchange's official open and close repeat a trade that was reported already.
    case UInt8(ascii: "M"), UInt8(ascii: "Q"): return .none
    // Corrected consolidated close: a price, whose volume was counted.
    case UInt8(ascii: "9"): return [.highLow, .openClose]
    // @ A D E F K O S X Y 1 5 6: regular, by rules of their own, opening, closing, cross.
    default: return .all
    }
  }

  /// Of several conditions the most restrictive counts for each thing.
  static func effect(of conditions: [String], isTapeC: Bool) -> SaleEffect {
    var effect: SaleEffect = [.all, .extendedHours]
    for condition in conditions {
      let one = SaleCondition.effect(of: condition, isTapeC: isTapeC)
      // Whoever counts anyway counts outside regular hours too.
      effect.formIntersection(one.contains(.all) ? [one, .extendedHours] : one)
    }
    // Nothing said Form T.
    return effect.contains(.openClose) ? effect.subtracting(.extendedHours) : effect
  }
}
