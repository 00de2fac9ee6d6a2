/// A key and its secret, for the one message that carries them. Shows itself to nobody.
public struct UpstreamCredentials: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  let key: String
  let secret: String

  /// Nil when one of them is empty or longer than 256 bytes.
  public init?(key: String, secret: String) {
    guard 1...256 ~= key.utf8.count, 1...256 ~= secret.utf8.count else { return nil }
    self.key = key
    self.secret = secret
  }

  public var description: String { "***" }
  public var debugDescription: String { "***" }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
