/// A point in time: nanoseconds since 1970-01-01T00:00:00Z, without leap seconds (1677 to 2262).
public struct Timestamp: Hashable, Sendable, Comparable {
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static func < (a: Timestamp, b: Timestamp) -> Bool { a.nanoseconds < b.nanoseconds }
}
