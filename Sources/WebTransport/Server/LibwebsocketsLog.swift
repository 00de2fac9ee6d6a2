// libwebsockets has one log for the whole process. Each loop's thread keeps its server in a
// thread-local slot, so a line that lws writes while it serves a server goes to that server's log.
import CLibwebsockets
import Glibc

enum LibwebsocketsLog {
  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    precondition(pthread_key_create(&key, nil) == 0, "no thread-local slot for the log")
    return key
  }()

  private static let installed: Void = {
    lws_set_log_level(LLL_ERR | LLL_WARN) { level, line in
      guard let line, let server = LibwebsocketsLog.server else { return }
      server.libwebsocketsSays(level, String(cString: line))
    }
  }()

  /// The server of the calling thread; nil before `attach` and after `detach`. Unretained: the server
  /// detaches before it goes.
  static var server: WebServer? {
    guard let slot = pthread_getspecific(key) else { return nil }
    return Unmanaged<WebServer>.fromOpaque(slot).takeUnretainedValue()
  }

  static func attach(_ server: WebServer) {
    _ = installed
    precondition(self.server == nil, "a loop has one libwebsockets context")
    pthread_setspecific(key, Unmanaged.passUnretained(server).toOpaque())
  }

  static func detach() { pthread_setspecific(key, nil) }
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
