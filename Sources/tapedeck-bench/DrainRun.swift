// Clients that lose their gateway and come back, on one epoll. A client has two sockets while it comes
// back: it lets go of the old one when the new one is subscribed, as one that wants no gap does.
import CUV
import Glibc

struct DrainRun {
  struct Plan {
    var port: UInt16
    var path: String
    var clients: Int
    var symbol: String
    var unaware: Bool
    var pauseSeconds: Double
    var secondsMax: Double
  }

  struct Report {
    var told = 0
    var toldMaximum = 0
    var closedForRestart = 0
    var endedOtherwise = 0
    var back = 0
    /// From the first goodbye (or close) to the last client's new subscription.
    var seconds = 0.0
    /// How long clients had no stream.
    var away50 = 0.0
    var away99 = 0.0
    var connects = 0
    var failures = 0
    var reasons: [String: Int] = [:]
    var peakSecond = 0
    var peakTenth = 0
  }

  enum Failure: Error, CustomStringConvertible {
    case connect(Int32)
    case notReady(Int, String)

    var description: String {
      switch self {
      case .connect(let code): "cannot connect: \(String(cString: strerror(code)))"
      case .notReady(let count, let reason): "\(count) clients were not subscribed: \(reason)"
      }
    }
  }

  private struct Member {
    var old: LoadClient?
    var new: LoadClient?
    /// When it connects again; nil before it knows, and while it is connecting or back.
    var returnAt: Double?
    var endedAt: Double?
    var backAt: Double?
    var attempts = 0
  }

  private let plan: Plan
  private var members: [Member] = []
  private var connectTimes: [Double] = []
  private var report = Report()
  private var firstSign: Double?
  private let poll = epoll_create1(0)
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)

  init(_ plan: Plan) { self.plan = plan }

  mutating func connectAll() throws {
    for index in 0..<plan.clients {
      guard let client = connect(index, isNew: false) else { throw Failure.connect(errno) }
      members.append(Member(old: client))
      if index % 50 == 49 { serve(milliseconds: 0) }
    }
    let deadline = BareSocket.now() + 60
    func waiting() -> Int { members.count { $0.old?.stage != .data } }
    while waiting() > 0, report.endedOtherwise == 0, BareSocket.now() < deadline {
      serve(milliseconds: 10)
    }
    guard waiting() == 0 else {
      throw Failure.notReady(waiting(), report.reasons.keys.first ?? "no answer in 60 s")
    }
  }

  /// Until all are back, or it has taken too long.
  mutating func watch(_ stop: () -> Void) throws -> Report {
    let pauseEnd = BareSocket.now() + plan.pauseSeconds
    while BareSocket.now() < pauseEnd { serve(milliseconds: 10) }
    stop()
    let deadline = BareSocket.now() + plan.secondsMax
    while report.back < plan.clients, BareSocket.now() < deadline {
      serve(milliseconds: 2)
      returnDue()
    }
    finish()
    return report
  }

  private func connect(_ index: Int, isNew: Bool) -> LoadClient? {
    let fd = BareSocket.connect(host: "127.0.0.1", port: plan.port)
    guard fd >= 0 else { return nil }
    var event = epoll_event()
    event.events = EPOLLIN.rawValue
    event.data.u64 = UInt64(index) << 1 | (isNew ? 1 : 0)
    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event)
    return LoadClient(
      fd: fd, messagePack: false, path: plan.path, host: "127.0.0.1",
      subscription: LoadMessage.subscription(
        channels: ["quotes"], symbols: [plan.symbol], messagePack: false))
  }

  private mutating func serve(milliseconds: Int32) {
    var events = [epoll_event](repeating: epoll_event(), count: 1_024)
    let count = epoll_wait(poll, &events, 1_024, milliseconds)
    guard count > 0 else { return }
    for event in events[..<Int(count)] {
      let index = Int(event.data.u64 >> 1)
      if event.data.u64 & 1 == 0 { serveOld(index) } else { serveNew(index) }
    }
  }

  /// What a read gives to a client; its end too.
  private func receive(_ client: inout LoadClient) {
    let received = recv(client.fd, buffer.baseAddress, buffer.count, 0)
    if received > 0 {
      client.receive(UnsafeRawBufferPointer(rebasing: buffer[..<received]))
    } else if received == 0 || (errno != EAGAIN && errno != EINTR) {
      client.end(received == 0 ? "end of stream" : String(cString: strerror(errno)))
    }
  }

  private mutating func serveOld(_ index: Int) {
    guard var client = members[index].old else { return }
    let hadGoodbye = client.reconnectMilliseconds != nil
    receive(&client)
    let now = BareSocket.now()
    if !hadGoodbye, let milliseconds = client.reconnectMilliseconds {
      firstSign = firstSign ?? now
      report.told += 1
      report.toldMaximum = max(report.toldMaximum, milliseconds)
      if !plan.unaware { members[index].returnAt = now + Double(milliseconds) / 1_000 }
    }
    members[index].old = client
    guard client.stage == .ended else { return }
    firstSign = firstSign ?? now
    members[index].endedAt = now
    if client.closeCode == 1_012 {
      report.closedForRestart += 1
    } else {
      report.endedOtherwise += 1
      report.reasons[client.endReason, default: 0] += 1
    }
    close(client.fd)
    members[index].old = nil
    // As the official SDK does, when nobody has told it better.
    if members[index].new == nil, members[index].returnAt == nil, members[index].backAt == nil {
      members[index].returnAt = now + .random(in: 0.5...1)
    }
  }

  private mutating func serveNew(_ index: Int) {
    guard var client = members[index].new, members[index].backAt == nil else { return }
    receive(&client)
    members[index].new = client
    if client.stage == .data {
      members[index].backAt = BareSocket.now()
      report.back += 1
      // It has nothing more to tell; its data shall not be the measure.
      epoll_ctl(poll, EPOLL_CTL_DEL, client.fd, nil)
      if let old = members[index].old {
        close(old.fd)
        members[index].old = nil
      }
    } else if client.stage == .ended {
      close(client.fd)
      members[index].new = nil
      failed(index, client.endReason)
    }
  }

  private mutating func failed(_ index: Int, _ reason: String) {
    report.failures += 1
    report.reasons[reason, default: 0] += 1
    members[index].attempts += 1
    let delay = Double(1 << min(members[index].attempts, 5))
    members[index].returnAt = BareSocket.now() + .random(in: delay / 2...delay)
  }

  private mutating func returnDue() {
    let now = BareSocket.now()
    for index in members.indices {
      guard let time = members[index].returnAt, time <= now else { continue }
      members[index].returnAt = nil
      connectTimes.append(BareSocket.now())
      if let client = connect(index, isNew: true) {
        members[index].new = client
      } else {
        failed(index, String(cString: strerror(errno)))
      }
    }
  }

  private mutating func finish() {
    report.connects = connectTimes.count
    report.peakSecond = peak(1)
    report.peakTenth = peak(0.1)
    let begun = firstSign ?? 0
    report.seconds = (members.compactMap(\.backAt).max() ?? begun) - begun
    let away = members.compactMap { member in
      member.backAt.map { max(0, $0 - (member.endedAt ?? $0)) }
    }.sorted()
    guard !away.isEmpty else { return }
    report.away50 = away[away.count / 2]
    report.away99 = away[away.count * 99 / 100]
  }

  /// The most connects in any window of so many seconds.
  private func peak(_ seconds: Double) -> Int {
    var most = 0
    var first = 0
    for last in connectTimes.indices {
      while connectTimes[first] < connectTimes[last] - seconds { first += 1 }
      most = max(most, last - first + 1)
    }
    return most
  }
}
