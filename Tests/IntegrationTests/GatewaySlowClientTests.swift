// A client that does not read: it costs a bounded amount, the kernel's buffers included, harms
// nobody, and is told exactly what it missed.
import Gateway
import Glibc
import TestSupport
import Testing
import WebTransport

extension Services {
  @Suite(.serialized) struct GatewaySlowClientTests {
    /// SO_SNDBUF is 64 KiB, which Linux doubles for its bookkeeping (WebTransportLimits).
    static let kernelBytesMax = 2 * 64 * 1_024
    static let tradeBytes = 2_000

    /// Publishes trades `range` of one symbol of about 2 KB each, as fast as Redis takes them; the
    /// healthy client reads along.
    private func load(
      _ range: Range<Int>, _ feed: ScriptedFeed, _ healthy: StreamClient,
      also observe: () throws -> Void = {}
    ) async throws {
      for number in range {
        feed.put(
          "stock:AAPL:price",
          Value.trade("AAPL", number, after: number - 1, padding: Self.tradeBytes - 130))
        if number % 10 == 0 { feed.put("stock:AAPL:quote", Value.quote("AAPL", number)) }
        if number % 100 == 0 {
          try await feed.settle()
          try healthy.keepUp { $0.kind == "t" && $0.sequence[1] == Int64(number) }
          try observe()
        }
      }
      try await feed.settle()
    }

    /// Goal: bounded memory, an unharmed neighbour, newest state and exact gap counts.
    /// Method: 6 MB of trades for two clients of which one does not read until the end.
    @Test(arguments: StreamClient.Encoding.allCases)
    func clientThatDoesNotReadCostsABoundedAmount(
      _ encoding: StreamClient.Encoding
    ) async throws {
      let count = 3_000
      // A busy machine takes longer than 10 s for it.
      try await ServiceScene.withFeed({ $0.clients.unwritableMillisecondsMax = 100_000 }) {
        scene, feed in
        let healthy = try StreamClient.ready(scene, encoding)
        let slow = try StreamClient.ready(scene, encoding, receiveBufferBytes: 4_096)
        for client in [healthy, slow] {
          // Little is kept of each: what the test itself keeps would be measured too.
          client.digest = {
            $0.kind == "gap"
              ? $0 : ["T": $0["T"]!, "E": $0["E"] ?? .null, "N": $0["N"] ?? .null]
          }
          try client.subscribe(trades: ["AAPL"], quotes: ["AAPL"])
        }
        try await joined(scene, 2)
        // What a run leaves behind in caches and rings is there before the measurement.
        try await load(1..<500, feed, healthy)
        let before = try residentBytes()
        var kernelBytes = 0
        try await load(500..<count + 1, feed, healthy) {
          kernelBytes = max(kernelBytes, try unsentBytes(scene, to: slow))
        }
        let grown = try residentBytes() - before
        #expect(kernelBytes > 0 && kernelBytes <= Self.kernelBytesMax, "\(kernelBytes)")
        #expect(grown < 4 << 20, "\(grown) bytes more for 5 MB of messages")
        #expect(try scene.gateway("message_bytes") < Double(2 << 20))
        // Each trade, once and in order.
        let seen = try healthy.collect { $0.kind == "t" && $0.sequence == [1, Int64(count)] }
        #expect(
          seen.filter { $0.kind == "t" }.map { $0.sequence[1] } == (1...count).map(Int64.init))
        #expect(!seen.contains { $0.kind == "gap" })
        try checkSlow(
          slow.collect { $0.kind == "t" && $0.sequence == [1, Int64(count)] } + slow.drain(1), count
        )
      }
    }

    /// What the slow client got when it read again adds up.
    private func checkSlow(_ messages: [WireValue], _ count: Int) throws {
      var accounted: Int64 = 0
      var gaps = 0
      for message in messages {
        switch message.kind {
        case "t":
          #expect(message.sequence[1] == accounted + 1)
          accounted = message.sequence[1]
        case "gap":
          #expect(message.symbol == "AAPL" && message["c"]?.string == "trades")
          accounted += try #require(message["missed"]?.integer)
          gaps += 1
        case "q": break
        default: Issue.record("\(message)")
        }
      }
      #expect(accounted == Int64(count) && gaps > 0)
      let quotes = messages.filter { $0.kind == "q" }.map { $0.sequence[1] }
      #expect(quotes == quotes.sorted() && Set(quotes).count == quotes.count)
      #expect(quotes.last == Int64(count), "the newest state")
      #expect(quotes.count < count / 10, "states were conflated")
    }

    /// Goal: of a client that stops reading the process keeps no more than is stated. Method: 200 KB are
    /// owed at once, of which the kernels of both sides take a part.
    @Test func whatIsOwedToWhoDoesNotReadIsNotKept() async throws {
      let symbols = (0..<100).map { "S\($0)" }
      try await ServiceScene.withFeed { scene, feed in
        feed.list(symbols)
        for symbol in symbols { feed.put("depth:\(symbol)", Value.book(symbol, 1, levels: 50)) }
        try await feed.settle()
        let reading = try StreamClient.ready(scene)
        try reading.subscribe(orderbooks: symbols)
        #expect(try reading.drain(symbols.count).count == symbols.count)
        let slow = try (0..<100).map { _ in
          try StreamClient.ready(scene, receiveBufferBytes: 65_536)
        }
        let before = try residentBytes()
        for client in slow { client.say(StreamClient.message("subscribe", orderbooks: symbols)) }
        let count = symbols.count * (slow.count + 1)
        let areOwed = try await until {
          try scene.metric("tapedeck_gateway_subscriptions") == Double(count)
        }
        #expect(areOwed)
        let each = (try residentBytes() - before) / slow.count
        let stated =
          GatewayLimits.memoryOfSilentClient(subscriptions: symbols.count)
          - WebTransportLimits.kernelBytesOfSilentClient
        #expect(each < stated, "\(each) of \(stated) bytes")
      }
    }

    @Test func clientThatNeverReadsIsClosed() async throws {
      try await ServiceScene.withFeed({ $0.clients.unwritableMillisecondsMax = 300 }) {
        scene, feed in
        let healthy = try StreamClient.ready(scene)
        let slow = try StreamClient.ready(scene, receiveBufferBytes: 4_096)
        for client in [healthy, slow] { try client.subscribe(trades: ["AAPL"]) }
        try await joined(scene, 1)
        try await load(1..<1_000, feed, healthy)
        let isClosed = try await until { try scene.gateway("slow_clients_total") == 1 }
        #expect(isClosed)
        let isGone = try await until(milliseconds: 15_000) { try scene.gateway("clients") == 1 }
        #expect(isGone, "nothing is kept of it")
        feed.put("stock:AAPL:price", Value.trade("AAPL", 1_000, after: 999))
        #expect(try healthy.collect { $0.sequence == [1, 1_000] }.last?.kind == "t")
        // Not even the kernel keeps anything of it: its connection was reset.
        let isKept = try serverSocketExists(scene, to: slow)
        #expect(!isKept)
        while try slow.next(milliseconds: 1_000) != nil {}
        #expect(slow.closeCode == nil)
      }
    }

    /// Those that got stuck together do not come back together.
    @Test func manySlowClientsAreNotClosedAtOnce() async throws {
      let count = 60
      try await ServiceScene.withFeed({ $0.clients.unwritableMillisecondsMax = 300 }) {
        scene, feed in
        let healthy = try StreamClient.ready(scene)
        var slow: [StreamClient] = []
        for _ in 0..<count {
          slow.append(try StreamClient.ready(scene, receiveBufferBytes: 4_096))
        }
        for client in [healthy] + slow { try client.subscribe(trades: ["AAPL"]) }
        try await joined(scene, 1)
        try await load(1..<500, feed, healthy)
        var closed: Set<Int> = []
        let areClosed = try await until(milliseconds: 10_000) {
          closed.insert(Int(try scene.gateway("slow_clients_total")))
          return closed.contains(count)
        }
        #expect(areClosed)
        #expect(closed.contains { $0 > 0 && $0 <= 40 }, "\(closed)")
      }
    }

    /// Goal: the 407 is tried. Method: a client that reads again while its last frame is flushed.
    @Test(arguments: StreamClient.Encoding.allCases)
    func clientThatReadsTooLateIsToldWhy(_ encoding: StreamClient.Encoding) async throws {
      try await ServiceScene.withFeed({ $0.clients.unwritableMillisecondsMax = 300 }) {
        scene, feed in
        let healthy = try StreamClient.ready(scene)
        let slow = try StreamClient.ready(scene, encoding, receiveBufferBytes: 4_096)
        for client in [healthy, slow] { try client.subscribe(trades: ["AAPL"]) }
        try await joined(scene, 1)
        try await load(1..<500, feed, healthy)
        let isClosed = try await until { try scene.gateway("slow_clients_total") == 1 }
        #expect(isClosed)
        var last: WireValue?
        while let message = try slow.next() { last = message }
        #expect(last?["code"]?.integer == 407 && last?["msg"]?.string == "slow client")
        #expect(slow.closeCode == 1_013)
      }
    }

    /// A byte a second keeps nobody alive: what counts is a frame that has wholly left.
    @Test func clientThatReadsByteByByteIsClosed() async throws {
      try await ServiceScene.withFeed({ $0.clients.unwritableMillisecondsMax = 1_000 }) {
        scene, feed in
        let healthy = try StreamClient.ready(scene)
        let slow = try StreamClient.ready(scene, receiveBufferBytes: 4_096)
        for client in [healthy, slow] { try client.subscribe(trades: ["AAPL"]) }
        try await joined(scene, 1)
        var number = 1
        let isClosed = try await until(milliseconds: 15_000) {
          try await load(number..<number + 50, feed, healthy)
          number += 50
          // It asks for something, too: an answer that waits does not begin the time anew.
          slow.say(StreamClient.message("subscribe", trades: ["AAPL"]))
          _ = slow.socket.read(1, milliseconds: 1)
          try await Task.sleep(for: .milliseconds(50))
          return try scene.gateway("slow_clients_total") == 1
        }
        #expect(isClosed)
        feed.put("stock:AAPL:price", Value.trade("AAPL", number, after: number - 1))
        #expect(try healthy.collect { $0.sequence == [1, Int64(number)] }.last?.kind == "t")
      }
    }

    /// A client that reads slowly but reads is not closed.
    @Test func clientThatReadsSlowlyStays() async throws {
      try await ServiceScene.withFeed({ $0.clients.unwritableMillisecondsMax = 600 }) {
        scene, feed in
        let healthy = try StreamClient.ready(scene)
        let slow = try StreamClient.ready(scene, receiveBufferBytes: 16_384)
        for client in [healthy, slow] { try client.subscribe(trades: ["AAPL"]) }
        try await joined(scene, 1)
        for round in 0..<12 {
          try await load(round * 200 + 1..<round * 200 + 201, feed, healthy)
          for _ in 0..<40 where slow.socket.hasInput { _ = try slow.next(milliseconds: 1_000) }
          try await Task.sleep(for: .milliseconds(100))
        }
        #expect(try scene.gateway("slow_clients_total") == 0)
        let rest = try slow.collect { $0.sequence == [1, 2_400] }
        #expect(rest.last?.sequence == [1, 2_400])
      }
    }

    // MARK: - The kernel's view

    /// Bytes in the server's socket to this client: sent and not acknowledged, or not sent yet. The
    /// `tx_queue` column of /proc/net/tcp is what SIOCOUTQ gives the socket's owner.
    private func unsentBytes(_ scene: ServiceScene, to client: StreamClient) throws -> Int {
      let words = try #require(try serverSocket(scene, to: client), "no such socket")
      return try #require(words[4].split(separator: ":").first.flatMap { Int($0, radix: 16) })
    }

    private func serverSocketExists(_ scene: ServiceScene, to client: StreamClient) throws -> Bool {
      try serverSocket(scene, to: client) != nil
    }

    /// Its line, as words.
    private func serverSocket(
      _ scene: ServiceScene, to client: StreamClient
    ) throws -> [Substring]? {
      let address = "0100007F:"
      let ports = (address + hex(scene.port), address + hex(client.socket.localPort))
      return try lines("/proc/net/tcp").map { $0.split(separator: " ") }
        .first { $0.count > 4 && $0[1] == ports.0 && $0[2] == ports.1 }
    }

    private func hex(_ port: UInt16) -> String {
      let digits = String(port, radix: 16, uppercase: true)
      return String(repeating: "0", count: 4 - digits.count) + digits
    }

    private func residentBytes() throws -> Int {
      let words = try #require(try lines("/proc/self/statm").first?.split(separator: " "))
      return try #require(Int(words[1])) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    private func lines(_ path: String) throws -> [Substring] {
      let file = try #require(fopen(path, "r"))
      defer { fclose(file) }
      var bytes: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 65_536)
      while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
        bytes += buffer[..<count]
      }
      return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    }
  }
}
