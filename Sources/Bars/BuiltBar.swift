public import MarketData

/// A bar on its way out.
public struct BuiltBar: Hashable, Sendable {
  public var bar: Bar
  public var kind: BarKind
  /// The sum of price times size that the mean was taken of: what larger bars add up.
  public var notional: ExactSum
  /// The place of the newest trade in it. Of one symbol it grows from bar to bar: where trades came so
  /// mixed that it would not, it is the one after the bar before.
  public var sequence: SequenceNumber

  public init(bar: Bar, kind: BarKind, notional: ExactSum, sequence: SequenceNumber) {
    self.bar = bar
    self.kind = kind
    self.notional = notional
    self.sequence = sequence
  }

  /// A bar that a feed brought.
  public init(_ bar: Bar, _ kind: BarKind, sequence: SequenceNumber) {
    let notional = bar.vwap.flatMap { ExactSum($0, times: bar.volume) } ?? .zero
    self.init(bar: bar, kind: kind, notional: notional, sequence: sequence)
  }
}
