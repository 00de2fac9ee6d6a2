/// An exact decimal number in units of 1e-9: prices, sizes, volumes.
///
/// The range is ±9,223,372,036.854775807. Arithmetic that could leave it goes through the
/// overflow-reporting operations of `Int64` on `nanos`.
public struct Decimal9: Hashable, Sendable, Comparable {
  /// The value times 1,000,000,000.
  public var nanos: Int64

  public init(nanos: Int64) { self.nanos = nanos }

  /// Nanos in one unit.
  public static let scale: Int64 = 1_000_000_000

  public static let zero = Decimal9(nanos: 0)

  public static func < (a: Decimal9, b: Decimal9) -> Bool { a.nanos < b.nanos }
}
