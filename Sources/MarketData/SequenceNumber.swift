/// The order of values: the epoch first, then the feed's own position (`"E"` and `"N"` on the
/// wire).
///
/// An epoch begins whenever numbering restarts; within one, `number` only grows. 0 is never a
/// position of an event, so `.zero` is older than every value.
public struct SequenceNumber: Hashable, Sendable, Comparable {
  /// Seconds, at least one more than the epoch before.
  public var epoch: UInt64
  /// The feed's position of the last event in the value: tape ordinal, message number, update id.
  public var number: UInt64

  public init(epoch: UInt64, number: UInt64) {
    self.epoch = epoch
    self.number = number
  }

  public static let zero = SequenceNumber(epoch: 0, number: 0)

  public static func < (a: SequenceNumber, b: SequenceNumber) -> Bool {
    a.epoch != b.epoch ? a.epoch < b.epoch : a.number < b.number
  }
}
