// The client's side of the stream's protocol (wire contract A.3): connected, auth, subscribe, data.
//
// Pure: it is handed the server's messages and says what to do. It knows no socket and no clock; who
// drives it sees to deadlines. The order is checked: market data before the server has let us in is a
// breach, for it would be of somebody else's making.

struct UpstreamConversation {
  enum State: Equatable {
    case awaitingConnected
    case awaitingAuthenticated
    /// The answer to the subscribe message with this index is awaited.
    case subscribing(Int)
    case live
  }

  enum Action: Equatable {
    case send([UInt8])
    /// All is acknowledged.
    case becomeLive
    /// Something a person should know, and the connection stays.
    case note(String)
    /// The connection is of no use.
    case end(UpstreamFault)
  }

  private(set) var state = State.awaitingConnected
  private var acknowledged = 0
  /// Subscribe messages that were refused while others were not.
  private(set) var refusals = 0
  private let credentials: UpstreamCredentials?
  private let subscribes: [[UInt8]]

  init(credentials: UpstreamCredentials?, subscription: UpstreamSubscription) {
    self.credentials = credentials
    subscribes = subscription.messages()
  }

  /// Whether market data may come now: an acknowledged subscribe serves while the next is under way.
  var takesData: Bool {
    switch state {
    case .awaitingConnected, .awaitingAuthenticated: false
    case .subscribing, .live: true
    }
  }

  /// What the server should do next, for the error when it does not.
  var awaited: String {
    switch state {
    case .awaitingConnected: "no \"connected\""
    case .awaitingAuthenticated: "no answer to the credentials"
    case .subscribing: "no acknowledgement of a subscribe"
    case .live: "nothing"
    }
  }

  mutating func received(_ message: UpstreamMessage) -> Action? {
    switch message {
    case .success("connected"):
      guard state == .awaitingConnected else { return breach("a second \"connected\"") }
      guard let credentials else { return subscribeNext(0) }
      state = .awaitingAuthenticated
      return .send(Self.authentication(credentials))
    case .success("authenticated"):
      switch state {
      // A server that knows us by other means may say so at once.
      case .awaitingAuthenticated, .awaitingConnected: return subscribeNext(0)
      case .subscribing, .live: return breach("a second \"authenticated\"")
      }
    case .success(let text): return .note("the server says \"\(text)\"")
    case .subscription:
      switch state {
      case .subscribing(let index):
        acknowledged += 1
        return subscribeNext(index + 1)
      // A change of somebody's making on the server: not ours to judge.
      case .live: return nil
      case .awaitingConnected, .awaitingAuthenticated:
        return breach("an acknowledgement before anything was asked")
      }
    case .error(let code, let text): return refused(code, text)
    case .gap, .data:
      return takesData ? nil : breach("market data before the credentials were accepted")
    }
  }

  private mutating func subscribeNext(_ index: Int) -> Action {
    guard index < subscribes.count else {
      state = .live
      return .becomeLive
    }
    state = .subscribing(index)
    return .send(subscribes[index])
  }

  private func breach(_ what: String) -> Action {
    .end(UpstreamFault(.soon, "the server sent \(what)"))
  }

  private mutating func refused(_ code: Int64, _ text: String) -> Action? {
    let words = "the server refuses with \(code) \"\(text)\""
    switch code {
    case 403: return nil  // already authenticated: what we wanted
    case 404, 407, 500: return .end(UpstreamFault(.soon, words))
    case 402: return .end(UpstreamFault(.slow, "\(words): the key or its secret is wrong"))
    case 406: return .end(UpstreamFault(.slow, "\(words): the key is in use elsewhere"))
    case 409: return .end(UpstreamFault(.slow, "\(words): the key's plan does not include this"))
    case 401:
      let hint = credentials == nil ? ": no key was given" : ""
      return .end(UpstreamFault(.slow, words + hint))
    case 405, 410:
      // What was subscribed before stands; what this message asked for will not come.
      guard case .subscribing(let index) = state else { return .note(words) }
      guard index + 1 < subscribes.count || acknowledged > 0 else {
        return .end(UpstreamFault(.slow, words))
      }
      refusals += 1
      return subscribeNext(index + 1)
    case 400: return .end(UpstreamFault(.slow, words))
    default: return .end(UpstreamFault(.soon, words))
    }
  }

  static func authentication(_ credentials: UpstreamCredentials) -> [UInt8] {
    var text = "{\"action\":\"auth\",\"key\":"
    append(credentials.key, to: &text)
    text += ",\"secret\":"
    append(credentials.secret, to: &text)
    return Array((text + "}").utf8)
  }

  private static func append(_ value: String, to text: inout String) {
    text += "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"", "\\": text += "\\\(scalar)"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}

/// Why a connection to an upstream is of no use, and when the next may be tried.
public struct UpstreamFault: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Retry: Hashable, Sendable {
    /// Soon, with jitter.
    case soon
    /// A person has to repair it: seldom.
    case slow
  }

  public var retry: Retry
  /// Names the place and the reason; never a secret.
  public var description: String

  init(_ retry: Retry, _ description: String) {
    self.retry = retry
    self.description = description
  }
}
