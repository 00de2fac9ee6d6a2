import MarketData

/// The effects of the condition lists seen so far; each list is read once. At most two bytes for each
/// code of the table.
struct SaleEffects {
  private let codes: CodeTable
  /// By the index of the conditions' code, for tapes A and B, and for C and all others. Nil: not read.
  private var consolidated: [SaleEffect?] = []
  private var unlisted: [SaleEffect?] = []
  private var isConsolidated: [Bool?] = []

  init(codes: CodeTable) { self.codes = codes }

  mutating func effect(of trade: Trade) -> SaleEffect {
    guard trade.conditions != .absent else { return .all }
    let index = Int(trade.conditions.index)
    if isTapeC(trade.tape) {
      if index < unlisted.count, let effect = unlisted[index] { return effect }
      let effect = read(trade.conditions, isTapeC: true)
      SaleEffects.set(effect, at: index, &unlisted)
      return effect
    }
    if index < consolidated.count, let effect = consolidated[index] { return effect }
    let effect = read(trade.conditions, isTapeC: false)
    SaleEffects.set(effect, at: index, &consolidated)
    return effect
  }

  private mutating func isTapeC(_ tape: CodeID) -> Bool {
    guard tape != .absent else { return true }
    let index = Int(tape.index)
    if index < isConsolidated.count, let known = isConsolidated[index] { return !known }
    let text = codes.text(of: tape)
    SaleEffects.set(text == "A" || text == "B", at: index, &isConsolidated)
    return text != "A" && text != "B"
  }

  private static func set<Value>(_ value: Value, at index: Int, _ list: inout [Value?]) {
    while list.count <= index { list.append(nil) }
    list[index] = value
  }

  /// The code is a JSON array of strings, or one string.
  private func read(_ conditions: CodeID, isTapeC: Bool) -> SaleEffect {
    codes.withBytes(of: conditions) { span in
      span.withUnsafeBytes { bytes in
        var list: [String] = []
        var reader = JSONReader(bytes)
        do {
          if case .string = try reader.peek() {
            list.append(try reader.string().string)
          } else {
            try reader.beginArray()
            while try reader.nextElement() { list.append(try reader.string().string) }
          }
        } catch {
          return .all
        }
        return SaleCondition.effect(of: list, isTapeC: isTapeC)
      }
    }
  }
}
