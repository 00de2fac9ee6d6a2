/// A short text that repeats endlessly on a tape (an exchange letter, a tape letter, a list of
/// trade conditions) as a small integer given by a `CodeTable`.
public struct CodeID: Hashable, Sendable {
  /// 0 is "absent".
  public var index: UInt16

  public init(index: UInt16) { self.index = index }

  public static let absent = CodeID(index: 0)
}
