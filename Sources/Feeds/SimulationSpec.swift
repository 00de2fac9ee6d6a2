/// What a simulated feed is like: `sim:stocks=500,rate=5000,seed=7`.
///
/// All fields are optional, in any order, and may not repeat.
public struct SimulationSpec: Hashable, Sendable {
  public enum Popularity: String, Sendable {
    /// All symbols are alike.
    case even
    /// The k-th symbol has events in proportion to 1 / (k + 4), about as real symbols do.
    case falling
  }

  /// `stocks`, 0 to 50,000 with `crypto`: AAPL, MSFT, ... and after the known names SIM0001, ...
  public var stocks = 27
  /// `crypto`: BTC/USD, ETH/USD, ... and after the known names SIM0001/USD, ...
  public var crypto = 2
  /// `rate`: events per second in sum, 1 to 1,000,000.
  public var rate = 100
  /// `seed`: the same seed, the same feed.
  public var seed: UInt64 = 1
  /// `seconds`: the length of the session; without it the feed has no end.
  public var seconds: Int?
  /// `open`, 1 to 100: how many times busier the first second is; falls to 1 within ten seconds.
  public var open = 1
  /// `mix=trades:quotes:depth`: the events of each kind in proportion, 1:2:3 without it. A trade
  /// moves the quote and a quote the depth, so no number may be below the one before it.
  public var mix = [1, 2, 3]
  /// `popularity=even|falling`.
  public var popularity = Popularity.falling

  /// What a simulation's argument begins with.
  public static let prefix = "sim:"

  public init() {}

  /// Reads `sim:key=value,...`. An error names the place and the reason.
  public init(parsing text: String) throws(FeedsError) {
    guard text.hasPrefix(SimulationSpec.prefix) else {
      throw SimulationSpec.fault(text, at: 0, "expected '\(SimulationSpec.prefix)'")
    }
    var offset = SimulationSpec.prefix.count
    var seen: Set<Substring> = []
    let body = text.dropFirst(offset)
    for field in body.isEmpty ? [] : body.split(separator: ",", omittingEmptySubsequences: false) {
      guard let equals = field.firstIndex(of: "=") else {
        throw SimulationSpec.fault(text, at: offset, "expected 'key=value', found '\(field)'")
      }
      let key = field[..<equals]
      guard seen.insert(key).inserted else {
        throw SimulationSpec.fault(text, at: offset, "'\(key)' is given twice")
      }
      let value = field[field.index(after: equals)...]
      do throws(Fault) {
        try set(key, to: value)
      } catch {
        switch error {
        case .key: throw SimulationSpec.fault(text, at: offset, "there is no '\(key)'")
        case .value(let expected):
          throw SimulationSpec.fault(
            text, at: offset + key.count + 1, "'\(key)' is \(expected), found '\(value)'")
        }
      }
      offset += field.count + 1
    }
    guard 1...Limits.simulatedSymbolsMax ~= stocks + crypto else {
      throw SimulationSpec.fault(
        text, at: 0, "stocks and crypto together are 1 to \(Limits.simulatedSymbolsMax)")
    }
  }

  private enum Fault: Error {
    case key
    case value(expected: String)
  }

  private mutating func set(_ key: Substring, to value: Substring) throws(Fault) {
    switch key {
    case "stocks": stocks = try SimulationSpec.number(value, 0...Limits.simulatedSymbolsMax)
    case "crypto": crypto = try SimulationSpec.number(value, 0...Limits.simulatedSymbolsMax)
    case "rate": rate = try SimulationSpec.number(value, 1...Limits.simulatedRateMax)
    case "seconds": seconds = try SimulationSpec.number(value, 1...Limits.simulatedSecondsMax)
    case "open": open = try SimulationSpec.number(value, 1...100)
    case "seed":
      guard let number = UInt64(value) else { throw .value(expected: "a number of 64 bits") }
      seed = number
    case "popularity":
      guard let known = Popularity(rawValue: String(value)) else {
        throw .value(expected: "'even' or 'falling'")
      }
      popularity = known
    case "mix":
      let parts = value.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
      let numbers = parts.compactMap { $0 }.filter { 0...1_000 ~= $0 }
      guard parts.count == 3, numbers.count == 3, numbers[2] > 0, numbers == numbers.sorted()
      else { throw .value(expected: "trades:quotes:depth, not falling, at most 1000") }
      mix = numbers
    default: throw .key
    }
  }

  private static func number(
    _ text: Substring, _ range: ClosedRange<Int>
  ) throws(Fault) -> Int {
    guard let number = Int(text), range ~= number else {
      throw .value(expected: "a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  private static func fault(_ text: String, at offset: Int, _ reason: String) -> FeedsError {
    FeedsError(.badArgument, "'\(text)', character \(offset + 1): \(reason)")
  }
}

extension SimulationSpec: CustomStringConvertible {
  /// The spec in full, as it can be parsed again.
  public var description: String {
    let end = seconds.map { ",seconds=\($0)" } ?? ""
    return "\(SimulationSpec.prefix)stocks=\(stocks),crypto=\(crypto),rate=\(rate),seed=\(seed)"
      + "\(end),open=\(open),mix=\(mix[0]):\(mix[1]):\(mix[2]),popularity=\(popularity.rawValue)"
  }
}
