// Finds the handler of a method and a path. Patterns are literal segments, `:name` for one segment
// and, at the end, `*` for all the rest (`/v2/assets/*` takes BTC/USD). A literal wins over a name,
// a name over the tail, whatever the order of registration.

/// The routes of a server. Made before it, not changed afterwards.
public struct Router {
  /// Answers at once, within the callback.
  public typealias Handler = (HTTPRequest) -> HTTPResponse
  /// Runs on the server's loop; an answer without a suspension leaves within the callback too.
  public typealias AsyncHandler = nonisolated(nonsending) (HTTPRequest) async -> HTTPResponse

  enum Target {
    case immediate(Handler)
    case async(AsyncHandler)
  }

  enum Match {
    case found(Target, [HTTPRequest.Argument])
    case methodNotAllowed([HTTPMethod])
    case notFound
  }

  private enum Segment: Hashable {
    case literal(String)
    case name(String)
    case tail
  }

  private struct Route {
    var method: HTTPMethod
    var segments: [Segment]
    var target: Target
  }

  private var routes: [Route] = []

  public init() {}

  /// Routes `method` and `pattern` to a handler that answers at once. The same twice is a mistake.
  public mutating func on(
    _ method: HTTPMethod, _ pattern: String, _ handler: @escaping Handler
  ) {
    add(method, pattern, .immediate(handler))
  }

  /// Routes `method` and `pattern` to a handler that may suspend.
  public mutating func onAsync(
    _ method: HTTPMethod, _ pattern: String, _ handler: @escaping AsyncHandler
  ) {
    add(method, pattern, .async(handler))
  }

  private mutating func add(_ method: HTTPMethod, _ pattern: String, _ target: Target) {
    precondition(pattern.utf8.first == UInt8(ascii: "/"), "a pattern begins with a slash")
    var segments: [Segment] = []
    let parts = Router.split(pattern)
    for (index, part) in parts.enumerated() {
      if part == "*" {
        precondition(index == parts.count - 1, "a tail ends its pattern: \(pattern)")
        segments.append(.tail)
      } else if part.utf8.first == UInt8(ascii: ":") {
        segments.append(.name(String(part.dropFirst())))
      } else {
        segments.append(.literal(String(part)))
      }
    }
    precondition(
      !routes.contains { $0.method == method && $0.segments == segments },
      "two routes for \(method.rawValue) \(pattern)")
    routes.append(Route(method: method, segments: segments, target: target))
    // Literal before name before tail, segment by segment, so that the first match is the best.
    routes.sort { Router.order($0.segments).lexicographicallyPrecedes(Router.order($1.segments)) }
  }

  private static func order(_ segments: [Segment]) -> [Int] {
    segments.map {
      switch $0 {
      case .literal: 0
      case .name: 1
      case .tail: 2
      }
    }
  }

  /// By bytes: in Swift's characters a slash and a combining mark behind it are one, which is no slash.
  private static func split(_ path: String) -> [Substring] {
    path == "/"
      ? []
      : path.utf8.dropFirst().split(
        separator: UInt8(ascii: "/"), omittingEmptySubsequences: false
      ).map { Substring($0) }
  }

  /// HEAD finds the route of GET unless it has one of its own.
  func match(_ method: HTTPMethod, _ path: String) -> Match {
    let parts = Router.split(path)
    var allowed: [HTTPMethod] = []
    var headByGet: Match?
    for route in routes {
      guard let parameters = Router.match(route.segments, parts) else { continue }
      if route.method == method { return .found(route.target, parameters) }
      if method == .head, route.method == .get, headByGet == nil {
        headByGet = .found(route.target, parameters)
      }
      if !allowed.contains(route.method) { allowed.append(route.method) }
    }
    if let headByGet { return headByGet }
    if allowed.isEmpty { return .notFound }
    if allowed.contains(.get), !allowed.contains(.head) { allowed.append(.head) }
    return .methodNotAllowed(allowed.sorted { $0.rawValue < $1.rawValue })
  }

  private static func match(
    _ segments: [Segment], _ parts: [Substring]
  ) -> [HTTPRequest.Argument]? {
    var parameters: [HTTPRequest.Argument] = []
    for (index, segment) in segments.enumerated() {
      if case .tail = segment {
        let tail = parts.dropFirst(index).joined(separator: "/")
        guard !tail.isEmpty else { return nil }
        parameters.append(.init(name: "*", value: tail))
        return parameters
      }
      guard index < parts.count else { return nil }
      switch segment {
      case .literal(let text):
        guard parts[index] == text else { return nil }
      case .name(let name):
        guard !parts[index].isEmpty else { return nil }
        parameters.append(.init(name: name, value: String(parts[index])))
      case .tail: return nil
      }
    }
    return segments.count == parts.count ? parameters : nil
  }
}
