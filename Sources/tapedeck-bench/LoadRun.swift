// Many load clients on one epoll, and the server's CPU time by thread while they are served.
import CUV
import Glibc

struct LoadRun {
  struct Plan {
    var host = "127.0.0.1"
    var port: UInt16 = 8080
    var path = "/v2/iex"
    var clients = 1_000
    var symbolsPerClient = 50
    var symbols: [String] = []
    var channels = ["trades", "quotes", "orderbooks"]
    var messagePack = false
    var warmupSeconds = 3.0
    var seconds = 10.0
    /// The process whose CPU time is charged, if it is known.
    var serverProcess: Int32?
    /// Only threads whose name begins so are charged.
    var serverThread = ""
    /// Clients beside the others that read nothing once they are subscribed, and come back when they
    /// are closed.
    var neverReading = 0
    /// From their subscription to the measurement.
    var fillSeconds = 5.0
    /// Ages are taken of every so many-th client.
    var agedEvery = 16
  }

  struct Report {
    var messages: UInt64
    var frames: UInt64
    var bytes: UInt64
    var seconds: Double
    var serverSeconds: Double?
    var ended: [String]
    var ages: String
    /// Before the clients that do not read came, and each second since.
    var memoryBefore: LoadMemory.Sample?
    var memory: [LoadMemory.Sample]
    /// Times that one of them was closed and came back.
    var returns: Int
  }

  enum Failure: Error, CustomStringConvertible {
    case connect(client: Int, code: Int32)
    case notReady(clients: Int, reasons: [String])

    var description: String {
      switch self {
      case .connect(let client, let code):
        "client \(client) cannot connect: \(String(cString: strerror(code)))"
      case .notReady(let clients, let reasons):
        "\(clients) clients got no data in 30 s: \(reasons.prefix(3))"
      }
    }
  }

  private let plan: Plan
  /// The healthy ones, and behind them those that never read.
  private var clients: [LoadClient] = []
  private let ages = LoadAges()
  private var returns = 0
  private let poll = epoll_create1(0)
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 262_144, alignment: 16)

  init(_ plan: Plan) { self.plan = plan }

  mutating func run() throws -> Report {
    defer {
      for client in clients { close(client.fd) }
      close(poll)
      buffer.deallocate()
    }
    try connect(plan.clients)
    serve(until: now() + plan.warmupSeconds)
    let memory = plan.serverProcess.map { LoadMemory(process: $0, port: plan.port) }
    let memoryBefore = memory?.look()
    if plan.neverReading > 0 {
      try connect(plan.neverReading)
      memory?.start()
      serve(until: now() + plan.fillSeconds)
    }
    defer { memory?.stop() }
    ages.isOn = true
    let (before, cpuBefore, start) = (totals(), serverSeconds(), now())
    serve(until: start + plan.seconds)
    let (after, cpuAfter, end) = (totals(), serverSeconds(), now())
    return Report(
      messages: after.messages - before.messages, frames: after.frames - before.frames,
      bytes: after.bytes - before.bytes, seconds: end - start,
      serverSeconds: cpuBefore.flatMap { before in cpuAfter.map { $0 - before } },
      ended: clients[..<plan.clients].filter { $0.stage == .ended }.map(\.endReason),
      ages: ages.report(), memoryBefore: memoryBefore, memory: memory?.all ?? [], returns: returns)
  }

  /// So many clients more, all of them subscribed when it returns.
  private mutating func connect(_ count: Int) throws {
    for index in clients.count..<clients.count + count {
      clients.append(try connectClient(index))
      watch(index)
      if index % 50 == 0 { serve(milliseconds: 0) }
    }
    let deadline = now() + 30
    while clients.contains(where: { $0.stage != .data && $0.stage != .ended }), now() < deadline {
      serve(milliseconds: 10)
    }
    let waiting = clients.filter { $0.stage != .data }
    guard waiting.isEmpty else {
      throw Failure.notReady(clients: waiting.count, reasons: waiting.map(\.endReason))
    }
  }

  private func isNeverReading(_ index: Int) -> Bool { index >= plan.clients }

  private func watch(_ index: Int, _ events: UInt32 = EPOLLIN.rawValue) {
    var event = epoll_event()
    event.events = events
    event.data.u32 = UInt32(index)
    if epoll_ctl(poll, EPOLL_CTL_MOD, clients[index].fd, &event) != 0 {
      epoll_ctl(poll, EPOLL_CTL_ADD, clients[index].fd, &event)
    }
  }

  private func connectClient(_ index: Int) throws -> LoadClient {
    let fd = BareSocket.connect(host: plan.host, port: plan.port)
    guard fd >= 0 else { throw Failure.connect(client: index, code: errno) }
    // Client i takes a run of symbols from its own place, so that each symbol has equally many.
    let step = plan.symbolsPerClient
    let own = (0..<step).map { plan.symbols[(index * step + $0) % plan.symbols.count] }
    var client = LoadClient(
      fd: fd, messagePack: plan.messagePack, path: plan.path, host: plan.host,
      subscription: LoadMessage.subscription(
        channels: plan.channels, symbols: own, messagePack: plan.messagePack))
    if !isNeverReading(index), index % plan.agedEvery == 0 { client.ages = ages }
    return client
  }

  /// Closed by the server: it comes back, as an SDK's client would.
  private mutating func comeBack(_ index: Int) {
    close(clients[index].fd)
    returns += 1
    guard let client = try? connectClient(index) else { return clients[index].end("gone") }
    clients[index] = client
    watch(index)
  }

  private mutating func serve(until end: Double) {
    while now() < end { serve(milliseconds: 20) }
  }

  private mutating func serve(milliseconds: Int32) {
    var events = [epoll_event](repeating: epoll_event(), count: 1_024)
    let count = epoll_wait(poll, &events, 1_024, milliseconds)
    guard count > 0 else { return }
    // Connects are made one after the other: the others are not to be read late for them.
    var mayReturn = 4
    for event in events[..<Int(count)] {
      let index = Int(event.data.u32)
      if isNeverReading(index), clients[index].stage == .data {
        if mayReturn > 0 { comeBack(index) }
        mayReturn -= 1
        continue
      }
      let received = recv(clients[index].fd, buffer.baseAddress, buffer.count, 0)
      if received > 0 {
        clients[index].receive(UnsafeRawBufferPointer(rebasing: buffer[..<received]))
        // From here on only its end is heard of, which epoll tells unasked.
        if isNeverReading(index), clients[index].stage == .data { watch(index, 0) }
      } else if received == 0 || (errno != EAGAIN && errno != EINTR) {
        clients[index].end(received == 0 ? "end of stream" : String(cString: strerror(errno)))
        epoll_ctl(poll, EPOLL_CTL_DEL, clients[index].fd, nil)
      }
    }
  }

  private func totals() -> (messages: UInt64, frames: UInt64, bytes: UInt64) {
    clients[..<plan.clients].reduce(into: (0, 0, 0)) { sum, client in
      sum.messages += client.messages
      sum.frames += client.frames
      sum.bytes += client.bytes
    }
  }

  private func now() -> Double { BareSocket.now() }

  /// User and system seconds of the charged threads, from /proc (field 14 and 15 of `stat`, in
  /// hundredths).
  private func serverSeconds() -> Double? {
    guard let process = plan.serverProcess, let tasks = opendir("/proc/\(process)/task") else {
      return nil
    }
    defer { closedir(tasks) }
    var ticks: UInt64 = 0
    while let entry = readdir(tasks) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard let text = Self.contents("/proc/\(process)/task/\(name)/stat"),
        let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")"),
        text[text.index(after: open)..<close].hasPrefix(plan.serverThread)
      else { continue }
      let fields = text[close...].split(separator: " ")
      guard fields.count > 13 else { continue }
      ticks += (UInt64(fields[12]) ?? 0) + (UInt64(fields[13]) ?? 0)
    }
    return Double(ticks) / 100
  }

  private static func contents(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1_024)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }
}
