/// A whole request, read and checked: plain values, nothing of libwebsockets.
public struct HTTPRequest: Sendable {
  public var method: HTTPMethod
  /// Decoded once (`%2F` is a slash here, `+` a space), valid UTF-8, without `.` and `..` segments
  /// and double slashes: libwebsockets resolves them while it parses.
  public var path: String
  /// The arguments in their order, decoded.
  public var query: [Argument]
  /// The headers that the configuration keeps, by lower-case name.
  public var headers: [Header]
  public var body: [UInt8]
  public var remoteAddress: RemoteAddress
  /// The connection is TLS.
  public var isSecure: Bool
  /// What the route's pattern named, `*` for the tail of a catch-all.
  public var parameters: [Argument] = []

  public struct Argument: Hashable, Sendable {
    public var name: String
    public var value: String
    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  public struct Header: Hashable, Sendable {
    public var name: String
    public var value: String
    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  public init(
    method: HTTPMethod, path: String, query: [Argument] = [], headers: [Header] = [],
    body: [UInt8] = [], remoteAddress: RemoteAddress? = nil, isSecure: Bool = false
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.headers = headers
    self.body = body
    self.remoteAddress = remoteAddress ?? .unknown
    self.isSecure = isSecure
  }

  /// The value of a header by its lower-case name; nil when absent or not kept.
  public func header(_ name: String) -> String? {
    headers.first { $0.name == name }?.value
  }

  /// The first value of a query argument; nil when absent.
  public func argument(_ name: String) -> String? {
    query.first { $0.name == name }?.value
  }

  /// What the route's `:name` stood for, or its `*`. The route has it, else the route is wrong.
  public func parameter(_ name: String) -> String {
    guard let found = parameters.first(where: { $0.name == name }) else {
      preconditionFailure("the route has no parameter \(name)")
    }
    return found.value
  }
}
