// Checks the headers of a handshake (RFC 6455, 4.2.1). Pure. libwebsockets checks some of them again,
// but hangs up without an answer where something is wrong.

struct WebSocketHandshake {
  var method: HTTPMethod
  var upgrade: String?
  var connection: String?
  var version: String?
  var key: String?
  var host: String?
  var subprotocols: String?
  var httpVersion: String?

  /// Nil for a good handshake.
  var error: HTTPError? {
    guard upgrade?.lowercased() == "websocket" else {
      return .badRequest("only an upgrade to websocket is offered")
    }
    guard method == .get else { return .methodNotAllowed(allow: [.get]) }
    guard httpVersion == "HTTP/1.1" else { return .badRequest("a handshake is HTTP/1.1") }
    guard host?.isEmpty == false else { return .badRequest("the handshake has no host") }
    // lws reads at most 127 bytes of this header.
    guard let connection, connection.utf8.count < 120,
      connection.lowercased().split(separator: ",").contains(where: {
        $0.drop { $0 == " " }.prefix { $0 != " " } == "upgrade"
      })
    else { return .badRequest("the connection header does not say upgrade") }
    guard version == "13" else { return .upgradeRequired }
    guard let key, WebSocketHandshake.isKey(key) else {
      return .badRequest("sec-websocket-key is not 16 bytes in base64")
    }
    guard subprotocols?.isEmpty != false else {
      return .badRequest("no WebSocket subprotocol is spoken here")
    }
    return nil
  }

  /// 16 bytes are 22 characters of base64 and two `=`.
  static func isKey(_ key: String) -> Bool {
    let bytes = Array(key.utf8)
    guard bytes.count == 24, bytes[22] == UInt8(ascii: "="), bytes[23] == UInt8(ascii: "=") else {
      return false
    }
    return bytes[..<22].allSatisfy {
      switch $0 {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
        true
      default: false
      }
    }
  }
}
