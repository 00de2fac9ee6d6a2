/// Text that never shows itself in a log line, an error or a crash report's description.
public struct Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  private let text: String

  public init(_ text: String) { self.text = text }

  /// The text itself, for the one call that needs it.
  public func reveal() -> String { text }

  public var description: String { "***" }
  public var debugDescription: String { "***" }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
