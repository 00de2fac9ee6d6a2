/// Counts of values in fixed buckets. A plain value: a loop owns one and records without a lock.
public struct FixedHistogram: Hashable, Sendable {
  /// Upper bounds of the buckets, inclusive and rising; values above the last fall into one more.
  public let bounds: [Double]
  /// Values per bucket, one more than `bounds`.
  public private(set) var counts: [UInt64]
  public private(set) var sum = 0.0

  /// For durations in seconds, from 100 us to 10 s.
  public static let seconds: [Double] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
    5, 10,
  ]
  /// For sizes and counts, by powers of four to about 67 million.
  public static let sizes: [Double] = (0...13).map { Double(1 << (2 * $0)) }

  public init(bounds: [Double]) {
    precondition(
      !bounds.isEmpty && bounds.count <= ServiceSupportLimits.bucketsMax
        && zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 },
      "bounds of a histogram must rise, at most \(ServiceSupportLimits.bucketsMax)")
    self.bounds = bounds
    counts = [UInt64](repeating: 0, count: bounds.count + 1)
  }

  public var count: UInt64 { counts.reduce(0, &+) }

  /// NaN is left out: it is in no bucket and would spoil the sum for good.
  public mutating func record(_ value: Double) {
    guard !value.isNaN else { return }
    var low = 0
    var high = bounds.count
    while low < high {
      let middle = (low + high) / 2
      if value <= bounds[middle] { high = middle } else { low = middle + 1 }
    }
    counts[low] &+= 1
    sum += value
  }

  /// Adds the counts of another with the same bounds; false, and nothing added, when they differ.
  mutating func add(_ other: FixedHistogram) -> Bool {
    guard other.bounds == bounds else { return false }
    for index in counts.indices { counts[index] &+= other.counts[index] }
    sum += other.sum
    return true
  }
}
