// Whether the process can serve: named checks, each set by the service that knows. Ready means that
// every check that was announced passes, and that the process is not stopping. Any thread; touched when
// something changes and when somebody asks, never per message.
import EventLoops

public final class Readiness: Sendable {
  private struct Check {
    let name: String
    /// nil when it passes.
    var failure: String?
  }

  private let checks: Locked<[Check]>
  /// Why the process will never be ready again.
  private let ending = Locked<String?>(nil)

  /// Every check is announced here and fails until it has passed once, so that a process is never
  /// ready because a part of it has not begun.
  public init(_ names: [String]) {
    precondition(names.count <= ServiceSupportLimits.readinessChecksMax)
    checks = Locked(names.map { Check(name: $0, failure: "starting") })
  }

  public func pass(_ name: String) { set(name, nil) }

  /// `reason` is shown to whoever asks: no secrets.
  public func fail(_ name: String, _ reason: String) { set(name, reason) }

  /// From now on not ready, whatever the checks say.
  public func end(_ reason: String) { ending.withLock { $0 = $0 ?? reason } }

  private func set(_ name: String, _ failure: String?) {
    checks.withLock { checks in
      let place = checks.firstIndex { $0.name == name }
      guard let place else { preconditionFailure("readiness check \(name) was not announced") }
      checks[place].failure = failure
    }
  }

  public var isReady: Bool {
    ending.withLock { $0 == nil } && checks.withLock { $0.allSatisfy { $0.failure == nil } }
  }

  /// The reasons why not, `redis: no answer`; empty when ready.
  public var failures: [String] {
    (ending.withLock { $0 }.map { ["stopping: \($0)"] } ?? [])
      + checks.withLock { $0.compactMap { check in check.failure.map { "\(check.name): \($0)" } } }
  }

  /// `{"ready":false,"checks":{"feed":{"ok":true},"redis":{"ok":false,"reason":"no answer"}}}`, and
  /// `"stopping":"why"` behind `ready` once it is.
  public func json() -> String {
    let all = checks.withLock { $0 }
    let ending = ending.withLock { $0 }
    let ready = ending == nil && all.allSatisfy { $0.failure == nil }
    let stopping = ending.map { #","stopping":\#(Self.quoted($0))"# } ?? ""
    let parts = all.map { check in
      let body = check.failure.map { #"{"ok":false,"reason":\#(Self.quoted($0))}"# }
      return "\(Self.quoted(check.name)):\(body ?? #"{"ok":true}"#)"
    }
    return #"{"ready":\#(ready)\#(stopping),"checks":{\#(parts.joined(separator: ","))}}"#
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
