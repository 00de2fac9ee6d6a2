/// A password or token that no description, interpolation or dump shows.
public struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// The secret itself: only for the place that sends it.
  public let exposed: String

  public init(_ text: String) { exposed = text }

  public var description: String { "***" }
  public var debugDescription: String { "***" }
  /// `dump` and string reflection walk the mirror, so it is empty.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
