/// What was met in ITCH data.
public struct ITCHCounters: Hashable, Sendable {
  /// Frames, whatever their content.
  public var messages: UInt64 = 0
  /// Bytes of whole frames, lengths included.
  public var bytes: UInt64 = 0
  /// Frames of a known type whose length is another than its type's. Skipped.
  public var wrongLengths: UInt64 = 0
  /// Frames of no published type. Skipped.
  public var unknownTypes: UInt64 = 0

  public init() {}
}
