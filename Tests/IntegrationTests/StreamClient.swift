// A client of the stream by hand: it sends what a test says, reads what comes, and takes frames
// apart by code of its own. Blocking, with a deadline on every read.
import EventLoops
import Glibc
import TestSupport
import Testing

final class StreamClient {
  enum Encoding: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case json, messagePack
    var testDescription: String { rawValue }
  }

  let socket: RawSocket
  let encoding: Encoding
  /// Messages of frames that were read and not yet taken.
  private var waiting: [WireValue] = []
  /// The code of the server's close frame.
  private(set) var closeCode: UInt16?
  /// Pings answered by the server.
  private var pongs: [[UInt8]] = []
  /// What is kept of a message, for tests with very many.
  var digest: (WireValue) -> WireValue = { $0 }
  private(set) var frames = 0

  /// Only the handshake; nothing is read after it.
  init(
    _ scene: ServiceScene, path: String = "/v2/iex", _ encoding: Encoding = .json,
    headers: String = "", receiveBufferBytes: Int32? = nil, from: String? = nil,
    port: UInt16? = nil
  ) throws {
    self.encoding = encoding
    socket = try scene.socket(from: from, receiveBufferBytes: receiveBufferBytes, port: port)
    let kind = encoding == .json ? "" : "Content-Type: application/msgpack\r\n"
    try #require(socket.openWebSocket(path, headers: kind + headers)?.status == 101)
  }

  /// Connected and authenticated.
  static func ready(
    _ scene: ServiceScene, path: String = "/v2/iex", _ encoding: Encoding = .json,
    receiveBufferBytes: Int32? = nil, port: UInt16? = nil
  ) throws -> StreamClient {
    let client = try StreamClient(
      scene, path: path, encoding, receiveBufferBytes: receiveBufferBytes, port: port)
    try #require(try client.next() == success("connected"))
    client.authenticate()
    try #require(try client.next() == success("authenticated"))
    return client
  }

  static func success(_ text: String) -> WireValue { ["T": "success", "msg": .string(text)] }

  // MARK: - Out

  func encode(_ message: WireValue) -> [UInt8] {
    encoding == .json ? Array(message.json.utf8) : message.messagePack
  }

  var opcode: UInt8 { encoding == .json ? 1 : 2 }

  @discardableResult
  func say(_ message: WireValue) -> Bool { socket.sendFrame(opcode, encode(message)) }

  func authenticate(key: String = "demo", secret: String = "demo") {
    say(["action": "auth", "key": .string(key), "secret": .string(secret)])
  }

  static func message(
    _ action: String, trades: [String] = [], quotes: [String] = [], orderbooks: [String] = [],
    bars: [String] = []
  ) -> WireValue {
    let lists = [
      ("trades", trades), ("quotes", quotes), ("orderbooks", orderbooks), ("bars", bars),
    ]
    var entries: [WireValue.Entry] = []
    for (name, list) in lists where !list.isEmpty {
      entries.append(.init(key: name, value: .strings(list)))
    }
    // As the official SDK orders them.
    let actionEntry = WireValue.Entry(key: "action", value: .string(action))
    return .map(action == "subscribe" ? entries + [actionEntry] : [actionEntry] + entries)
  }

  /// Subscribes and gives the acknowledgement, which must be the next message but for data.
  @discardableResult
  func subscribe(
    trades: [String] = [], quotes: [String] = [], orderbooks: [String] = [], bars: [String] = []
  ) throws -> WireValue {
    say(
      StreamClient.message(
        "subscribe", trades: trades, quotes: quotes, orderbooks: orderbooks, bars: bars))
    return try acknowledgement()
  }

  @discardableResult
  func unsubscribe(
    trades: [String] = [], quotes: [String] = [], orderbooks: [String] = []
  ) throws -> WireValue {
    say(
      StreamClient.message(
        "unsubscribe", trades: trades, quotes: quotes, orderbooks: orderbooks))
    return try acknowledgement()
  }

  /// The next acknowledgement; data before it stays waiting.
  func acknowledgement() throws -> WireValue {
    var data: [WireValue] = []
    defer { waiting = data + waiting }
    while true {
      let message = try #require(try next(), "no acknowledgement")
      if message.kind == "subscription" { return message }
      data.append(message)
    }
  }

  // MARK: - In

  /// The next message, or nil when none came in time or the connection ended.
  func next(milliseconds: Int32 = 5_000) throws -> WireValue? {
    let deadline = Deadline(milliseconds: milliseconds)
    while waiting.isEmpty {
      guard try readFrame(milliseconds: deadline.millisecondsLeft) else { return nil }
    }
    return waiting.removeFirst()
  }

  /// The next message of one kind; others on the way are thrown away.
  func next(_ kind: String, milliseconds: Int32 = 5_000) throws -> WireValue? {
    let deadline = Deadline(milliseconds: milliseconds)
    while let message = try next(milliseconds: deadline.millisecondsLeft) {
      if message.kind == kind { return message }
    }
    return nil
  }

  /// So many messages, however long a busy machine takes, and everything else that comes until there
  /// has been nothing for a moment.
  func drain(_ count: Int = 0) throws -> [WireValue] {
    var all: [WireValue] = []
    while let message = try next(milliseconds: all.count < count ? 5_000 : 120) {
      all.append(message)
    }
    return all
  }

  /// Everything until a message fits, that one included.
  func collect(
    milliseconds: Int32 = 10_000, until last: (WireValue) -> Bool
  ) throws -> [WireValue] {
    var all: [WireValue] = []
    let deadline = Deadline(milliseconds: milliseconds)
    while let message = try next(milliseconds: deadline.millisecondsLeft) {
      all.append(message)
      if last(message) { break }
    }
    return all
  }

  func putBack(_ messages: [WireValue]) { waiting = messages + waiting }

  /// Takes in what comes until a message fits.
  func keepUp(_ isLast: (WireValue) -> Bool) throws {
    var place = 0
    let deadline = Deadline(milliseconds: 10_000)
    while true {
      while place < waiting.count {
        if isLast(waiting[place]) { return }
        place += 1
      }
      guard try readFrame(milliseconds: deadline.millisecondsLeft) else { return }
    }
  }

  /// Takes in what has come already, so that the kernel's buffers stay empty.
  func pump() throws {
    while socket.hasInput, try readFrame(milliseconds: 1_000) {}
  }

  /// What the next ping answered carried.
  func nextPong(milliseconds: Int32 = 5_000) throws -> [UInt8]? {
    let deadline = Deadline(milliseconds: milliseconds)
    while pongs.isEmpty, try readFrame(milliseconds: deadline.millisecondsLeft) {}
    return pongs.isEmpty ? nil : pongs.removeFirst()
  }

  /// Waits for the server's close frame.
  func waitForClose(milliseconds: Int32 = 5_000) throws -> UInt16? {
    let deadline = Deadline(milliseconds: milliseconds)
    while closeCode == nil, try readFrame(milliseconds: deadline.millisecondsLeft) {}
    return closeCode
  }

  /// One frame, whatever it is; false when none came or the connection ended.
  private func readFrame(milliseconds: Int32) throws -> Bool {
    // The time is for its first byte: a frame that has begun comes whole, or it would be lost.
    if socket.pending.isEmpty, !socket.receive(milliseconds: milliseconds) { return false }
    guard let frame = socket.readFrame() else { return false }
    switch frame.opcode {
    case 1, 2:
      frames += 1
      // The encoding of the handshake, whatever the client's own frames are.
      #expect(frame.opcode == opcode && frame.isFinal)
      let value =
        encoding == .json
        ? try WireValue(json: frame.payload) : try WireValue(messagePack: frame.payload)
      try #require(!value.array.isEmpty, "a frame is an array of maps")
      if value.array.contains(where: { ["success", "error", "subscription"].contains($0.kind) }) {
        #expect(value.array.count == 1, "control messages come alone")
      }
      waiting += value.array.map(digest)
    case 8:
      closeCode = frame.closeCode
      return false
    case 9: socket.sendFrame(10, frame.payload)
    case 10: pongs.append(frame.payload)
    default: Issue.record("opcode \(frame.opcode)")
    }
    return true
  }
}

extension RawSocket {
  var hasInput: Bool {
    if !pending.isEmpty { return true }
    var poll = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
    return Glibc.poll(&poll, 1, 0) > 0
  }

  /// The client's own port.
  var localPort: UInt16 {
    var address = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutableBytes(of: &address) { bytes in
      _ = getsockname(fd, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), &size)
    }
    return UInt16(bigEndian: address.sin_port)
  }
}
