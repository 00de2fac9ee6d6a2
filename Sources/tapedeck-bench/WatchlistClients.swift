// The users of a `WatchlistPlan` as HTTP clients, one connection each, all on one epoll and one thread.
// A request that is due while the one before is unanswered follows it at once: the plan is kept as far
// as the server keeps up, and how late it was is reported.
import CUV
import EventLoops
import Glibc

final class WatchlistClients {
  struct Report {
    var answers = 0
    var refused: [Int: Int] = [:]
    var reconnects = 0
    var seconds = 0.0
    /// The longest that a request waited for its turn, in our seconds.
    var latenessMax = 0.0
    var microseconds: [Int] = []
  }

  private struct Client {
    var fd: Int32 = -1
    var key: String
    var watchlistID: String
    var token: String?
    var received: [UInt8] = []
    var hasConnected = false
    var isWaiting = false
    var sentAt = 0.0
    /// What is due, in order: requests of the plan, and the session's beginning and end.
    var due: [(step: Step, at: Double)] = []
  }

  private enum Step {
    case open, read, write, close
  }

  enum Failure: Error, CustomStringConvertible {
    case connect(Int32)
    case answer(String)

    var description: String {
      switch self {
      case .connect(let code): "cannot connect: \(String(cString: strerror(code)))"
      case .answer(let text): "an answer that is none: \(text)"
      }
    }
  }

  private let plan: WatchlistPlan
  private let port: UInt16
  private let compression: Double
  private let symbols: [String]
  private var clients: [Client]
  private var report = Report()
  private let poll = epoll_create1(0)
  private var buffer = [UInt8](repeating: 0, count: 65_536)
  private var rotation = 0

  /// - Parameter accounts: a key, whose secret is `secret of KEY`, and the list, for each user.
  init(
    _ plan: WatchlistPlan, port: UInt16, compression: Int, symbols: [String],
    accounts: [(key: String, watchlistID: String)]
  ) {
    precondition(accounts.count >= plan.users.count)
    self.plan = plan
    self.port = port
    self.compression = Double(compression)
    self.symbols = symbols
    clients = zip(plan.users, accounts).map {
      Client(key: $1.key, watchlistID: $1.watchlistID)
    }
  }

  deinit {
    for client in clients where client.fd >= 0 { Glibc.close(client.fd) }
    Glibc.close(poll)
  }

  /// Runs the plan to its end.
  func run() throws -> Report {
    let schedule = plan.schedule()
    let start = now()
    for step in schedule {
      let due = start + step.time / compression
      while now() < due {
        try serve(milliseconds: Int32(max(0, min(20, (due - now()) * 1_000))))
      }
      let user = plan.users[step.user]
      if step.place == 0, user.hasSession { try add(step.user, .open, due) }
      try add(step.user, user.requests[step.place] == .write ? .write : .read, due)
      if step.place == user.requests.count - 1, user.hasSession {
        try add(step.user, .close, due)
      }
    }
    let patience = now() + 15
    while clients.contains(where: { $0.isWaiting }), now() < patience {
      try serve(milliseconds: 10)
    }
    report.seconds = now() - start
    return report
  }

  // MARK: - Asking

  private func add(_ index: Int, _ step: Step, _ due: Double) throws {
    clients[index].due.append((step, due))
    try sendNext(index)
  }

  private func sendNext(_ index: Int) throws {
    guard !clients[index].isWaiting, let next = clients[index].due.first else { return }
    if clients[index].fd < 0 {
      if clients[index].hasConnected { report.reconnects += 1 }
      try connect(index)
      clients[index].hasConnected = true
    }
    let bytes = request(clients[index], next.step)
    // Small, and the socket is empty: it goes at once, or the connection is gone.
    let sent = bytes.withUnsafeBytes {
      send(clients[index].fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
    guard sent == bytes.count else {
      drop(index)
      return try sendNext(index)
    }
    clients[index].isWaiting = true
    clients[index].sentAt = now()
    report.latenessMax = max(report.latenessMax, now() - next.at)
  }

  private func request(_ client: Client, _ step: Step) -> [UInt8] {
    var line: String
    var body = ""
    switch step {
    case .open:
      line = "POST /v1/sessions"
      body = "{}"
    case .read: line = "GET /v2/watchlists"
    case .write:
      rotation += 1
      let list = (0..<10).map { "\"\(symbols[(rotation + $0) % symbols.count])\"" }
      line = "PUT /v2/watchlists/\(client.watchlistID)"
      body = "{\"symbols\":[\(list.joined(separator: ","))]}"
    case .close:
      line = "DELETE /v1/sessions/\(client.token?.prefix { $0 != "." } ?? "none")"
    }
    var text = "\(line) HTTP/1.1\r\nHost: bench\r\n"
    if let token = client.token {
      text += "Authorization: Bearer \(token)\r\n"
    } else {
      text += "APCA-API-KEY-ID: \(client.key)\r\nAPCA-API-SECRET-KEY: secret of \(client.key)\r\n"
    }
    if !body.isEmpty {
      text += "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
    }
    return Array((text + "\r\n" + body).utf8)
  }

  // MARK: - Connections

  private func connect(_ index: Int) throws {
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
    let code = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard code == 0 else { throw Failure.connect(errno) }
    _ = fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK)
    var event = epoll_event()
    event.events = EPOLLIN.rawValue
    event.data.u32 = UInt32(index)
    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event)
    clients[index].fd = fd
    clients[index].received = []
  }

  private func drop(_ index: Int) {
    Glibc.close(clients[index].fd)  // which takes it from the epoll too
    clients[index].fd = -1
    clients[index].isWaiting = false
  }

  private func serve(milliseconds: Int32) throws {
    var events = [epoll_event](repeating: epoll_event(), count: 256)
    let count = epoll_wait(poll, &events, 256, milliseconds)
    guard count > 0 else { return }
    for event in events[..<Int(count)] {
      let index = Int(event.data.u32)
      guard clients[index].fd >= 0 else { continue }
      let got = recv(clients[index].fd, &buffer, buffer.count, 0)
      if got > 0 {
        clients[index].received += buffer[..<got]
        try take(index)
      } else if got == 0 || (errno != EAGAIN && errno != EINTR) {
        drop(index)
        try sendNext(index)  // what was unanswered is asked again
      }
    }
  }

  private func take(_ index: Int) throws {
    guard let answer = try HTTPAnswer(clients[index].received) else { return }
    // What nobody asked for is the server's word about an idle connection, which it closes.
    guard clients[index].isWaiting else { return drop(index) }
    let step = clients[index].due.removeFirst().step
    clients[index].isWaiting = false
    clients[index].received = []
    report.answers += 1
    report.microseconds.append(Int((now() - clients[index].sentAt) * 1e6))
    if !(200...299 ~= answer.status) { report.refused[answer.status, default: 0] += 1 }
    if step == .open { clients[index].token = answer.token }
    if answer.closes { drop(index) }
    try sendNext(index)
  }

  /// Seconds.
  private func now() -> Double { Double(EventLoop.monotonicNanoseconds) / 1e9 }
}

/// A whole answer of a server that gives its length.
private struct HTTPAnswer {
  let status: Int
  let closes: Bool
  let body: ArraySlice<UInt8>

  /// Nil while it is not whole.
  init?(_ bytes: [UInt8]) throws {
    guard let end = HTTPAnswer.headEnd(bytes) else { return nil }
    let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
    let words = lines.first?.split(separator: " ") ?? []
    guard words.count > 1, let status = Int(words[1]) else {
      throw WatchlistClients.Failure.answer(String(lines.first ?? ""))
    }
    var length = 0
    var closes = false
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1).map {
        $0.lowercased().drop { $0 == " " }
      }
      if parts.count == 2, parts[0] == "content-length" { length = Int(parts[1]) ?? 0 }
      if parts.count == 2, parts[0] == "connection", parts[1] == "close" { closes = true }
    }
    guard bytes.count >= end + 4 + length else { return nil }
    self.status = status
    self.closes = closes
    body = bytes[(end + 4)..<(end + 4 + length)]
  }

  private static func headEnd(_ bytes: [UInt8]) -> Int? {
    guard bytes.count >= 4 else { return nil }
    return (0...(bytes.count - 4)).first {
      bytes[$0] == 13 && bytes[$0 + 1] == 10 && bytes[$0 + 2] == 13 && bytes[$0 + 3] == 10
    }
  }

  /// `"token":"..."` of a session's opening.
  var token: String? {
    let text = String(decoding: body, as: UTF8.self)
    guard let found = text.firstRange(of: "\"token\":\"") else { return nil }
    return String(text[found.upperBound...].prefix { $0 != "\"" })
  }
}
