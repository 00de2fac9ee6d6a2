/// What went wrong in starting or stopping a process, in words for the person who started it.
public struct ServiceSupportError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kinds are open: more may come.
  public struct Code: Hashable, Sendable {
    let raw: UInt8
    /// A flag, an environment variable or a file of settings that cannot be used.
    public static let setting = Code(raw: 0)
    /// A directory that cannot be made or written, or a path too long for a socket.
    public static let directory = Code(raw: 1)
    /// Another instance holds the directory.
    public static let occupied = Code(raw: 2)
    /// A private server did not start.
    public static let server = Code(raw: 3)
    /// The system refused something else.
    public static let system = Code(raw: 4)
  }

  public let code: Code
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}

extension ServiceSupportError: ExitCodeError {
  public var exitCode: Int32 {
    switch code {
    case .setting: ExitCode.usage
    default: ExitCode.failure
    }
  }
}

/// An error that says by which status the process ends; all others end it by 1.
public protocol ExitCodeError: Error {
  var exitCode: Int32 { get }
}

/// Statuses of the process.
public enum ExitCode {
  public static let success: Int32 = 0
  public static let failure: Int32 = 1
  /// sysexits.h EX_USAGE, which swift-argument-parser uses too.
  public static let usage: Int32 = 64
}
