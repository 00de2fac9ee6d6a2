import CUV

/// A libuv call that failed: which one, and libuv's own words for the reason.
public struct EventLoopError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The libuv function or what it was to do.
  public let operation: String
  /// A negative errno, as libuv returns it.
  public let code: Int32

  public init(operation: String, code: Int32) {
    self.operation = operation
    self.code = code
  }

  public var description: String {
    "\(operation): \(String(cString: uv_strerror(code))) (\(code))"
  }

  static func check(_ code: Int32, _ operation: String) throws(EventLoopError) {
    guard code >= 0 else { throw EventLoopError(operation: operation, code: code) }
  }
}
