// Asks a Redis on a Unix socket once whether it answers: connect, `PING`, `+PONG`.
//
// Not a client: it serves the start of a private server, before any client exists. Non-blocking, on
// one loop; the caller bounds the time by `close`.
import EventLoops
import Glibc

final class RedisProbe: ServerProbe {
  private var descriptor: Int32
  private var poll: LoopPoll?
  private var received: [UInt8] = []
  private var asked = false
  private var answered: ((ServerAnswer) -> Void)?

  /// `answered` is called once, perhaps before this returns, unless `close` comes first.
  init(loop: EventLoop, path: String, _ answered: @escaping (ServerAnswer) -> Void) {
    self.answered = answered
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_NONBLOCK | O_CLOEXEC, 0)
    guard descriptor >= 0, Self.connect(descriptor, path) else {
      finish(.refused)
      return
    }
    do {
      let poll = try LoopPoll(loop: loop, fd: descriptor) { [unowned self] events in ready(events) }
      self.poll = poll
      poll.watch([.writable])
    } catch {
      finish(.refused)
    }
  }

  deinit { close() }

  func close() {
    answered = nil
    poll?.close()
    poll = nil
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = -1
  }

  private static func connect(_ descriptor: Int32, _ path: String) -> Bool {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let fits = withUnsafeMutableBytes(of: &address.sun_path) { field in
      guard path.utf8.count < field.count else { return false }
      field.copyBytes(from: path.utf8)
      return true
    }
    guard fits else { return false }
    return withUnsafePointer(to: &address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        // A Unix socket connects at once, or says EAGAIN when the backlog is full.
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
  }

  private func ready(_ events: LoopPoll.Events) {
    if !asked {
      asked = true
      guard send(descriptor, "PING\r\n", 6, Int32(MSG_NOSIGNAL)) == 6 else {
        return finish(.refused)
      }
      poll?.watch([.readable])
      return
    }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = recv(descriptor, &bytes, bytes.count, 0)
    if count < 0, errno == EAGAIN || errno == EINTR { return }
    guard count > 0 else { return finish(.refused) }
    received += bytes[..<count]
    guard let end = received.firstIndex(of: UInt8(ascii: "\r")) else {
      if received.count > 1_024 { finish(.notYet("an answer without an end")) }
      return
    }
    let line = String(decoding: received[..<end], as: UTF8.self)
    finish(line == "+PONG" ? .ready : .notYet(line))  // `-LOADING ...`
  }

  private func finish(_ answer: ServerAnswer) {
    let call = answered
    close()
    call?(answer)
  }
}
