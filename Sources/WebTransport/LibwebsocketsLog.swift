// libwebsockets has one log for the whole process. Each loop's thread keeps its server, or its client,
// in a thread-local slot, so a line that lws writes while it serves one goes to that one's log.
import CLibwebsockets
import EventLoops
import Glibc

enum LibwebsocketsLog {
  private static let key = newKey()
  private static let clientKey = newKey()

  private static func newKey() -> pthread_key_t {
    var key = pthread_key_t()
    precondition(pthread_key_create(&key, nil) == 0, "no thread-local slot for the log")
    return key
  }

  private static let installed: Void = {
    lws_set_log_level(LLL_ERR | LLL_WARN) { level, line in
      guard let line else { return }
      if let server = LibwebsocketsLog.server {
        server.libwebsocketsSays(level, String(cString: line))
      } else if let client = LibwebsocketsLog.client {
        client.libwebsocketsSays(level, String(cString: line))
      }
    }
  }()

  /// Makes contexts one at a time: lws and OpenSSL set up what is the process's then.
  static func createContext(
    _ info: inout lws_context_creation_info
  ) -> OpaquePointer? {
    creation.withLock { _ in lws_create_context(&info) }
  }

  private static let creation = Locked(())

  /// The server of the calling thread; nil before `attach` and after `detach`. Unretained: the server
  /// detaches before it goes.
  static var server: WebServer? {
    guard let slot = pthread_getspecific(key) else { return nil }
    return Unmanaged<WebServer>.fromOpaque(slot).takeUnretainedValue()
  }

  static func attach(_ server: WebServer) {
    _ = installed
    precondition(self.server == nil && client == nil, "a loop has one libwebsockets context")
    pthread_setspecific(key, Unmanaged.passUnretained(server).toOpaque())
  }

  /// The same for a client, which detaches before it goes too.
  static var client: WebSocketClient? {
    guard let slot = pthread_getspecific(clientKey) else { return nil }
    return Unmanaged<WebSocketClient>.fromOpaque(slot).takeUnretainedValue()
  }

  static func attach(_ client: WebSocketClient) {
    _ = installed
    precondition(server == nil && self.client == nil, "a loop has one libwebsockets context")
    pthread_setspecific(clientKey, Unmanaged.passUnretained(client).toOpaque())
  }

  static func detach() {
    pthread_setspecific(key, nil)
    pthread_setspecific(clientKey, nil)
  }
}

/// Lets so many lines through each second and counts the rest.
struct LogRate {
  private var second: UInt64 = 0
  private var lines = 0
  private var omitted: UInt64 = 0

  /// Nil when the line is to be left out, else the number left out before it.
  mutating func admit(nowMilliseconds: UInt64, linesPerSecondMax: Int) -> UInt64? {
    let now = nowMilliseconds / 1_000
    if now != second { (second, lines) = (now, 0) }
    guard lines < linesPerSecondMax else {
      omitted += 1
      return nil
    }
    lines += 1
    defer { omitted = 0 }
    return omitted
  }
}
