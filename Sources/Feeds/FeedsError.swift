/// Why a feed cannot be opened, read or written.
public struct FeedsError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    case cannotOpen
    case cannotRead
    case cannotWrite
    /// A file that is to be made is there already.
    case alreadyThere
    /// The file's beginning is of no known format.
    case unknownFormat
    /// A simulation's spec or a speed is malformed.
    case badArgument
  }

  public var code: Code
  /// Names the file or argument, the place in it and the reason. Safe to show.
  public var description: String

  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}
