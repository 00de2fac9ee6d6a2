// The way of a market from a real board to clients, by seed: a Redis and a link that lose, repeat, delay
// and reorder, links that end, reads at any moment, writers that begin anew, clients that do not read.
// The order, the joins and the frames are the gateway's own; only its sockets are played here.
import FanOut
import Ingest
import MarketData
import TestSupport

@testable import Gateway

/// One symbol's channel: a topic of the gateway, and what is true of it.
struct HostileTopic {
  let key: String
  let id: TopicID
  let carriesEvents: Bool
  var state: TopicState
  /// Every trade made, in order, whatever became of it.
  var made: [SequenceNumber] = []
  /// Every value that the board has written or published.
  var written: Set<String> = []
  /// SSUBSCRIBE is acknowledged and the link is up.
  var isCarried = false
}

final class HostileMarket {
  struct Read {
    let topic: Int
    /// What Redis answered; nil: it answers when the answer comes.
    let value: String??
    let generation: UInt32
    let verifies: Bool
  }

  var random: SplitMix64
  var now: UInt64 = 1_000
  private let symbols = SymbolTable()
  private let codes = CodeTable()
  private var board: MarketBoard
  private var epoch: UInt64 = 1
  private var position: UInt64 = 0
  private var keys: [String: String] = [:]
  private var inFlight: [(topic: Int, message: String)] = []
  private var reads: [Read] = []
  private(set) var topics: [HostileTopic] = []
  private let distributor = Distributor()
  private let deriver = MessagePackDeriver()
  private(set) var clients: [HostileClient] = []
  private var isHealed = false
  /// What is left out, to see that it matters.
  var ignoresOrder = false

  init(seed: UInt64) throws {
    random = SplitMix64(seed: seed)
    board = MarketBoard(symbols: symbols, codes: codes, epoch: 1)
    // Numbers at which a narrower type or a signed one would wrap.
    position =
      [0, 1 << 31, 1 << 32, 1 << 53, 1 << 63].map { $0 &- 20 }[
        Int(random.next() % 5)]
    if position > 1 << 63 { position = 0 }
    for symbol in ["AAA", "BBB"] {
      _ = try symbols.intern(symbol)
      for channel in [StreamChannel.trades, .quotes] {
        let carriesEvents = channel.key.carriesEvents
        let id = distributor.addTopic(
          carriesEvents ? .events(ringMessagesMax: 8) : .state, symbol: symbol,
          channel: "\(channel.name)")
        topics.append(
          HostileTopic(
            key: "stock:\(symbol):\(carriesEvents ? "price" : "quote")", id: id!,
            carriesEvents: carriesEvents, state: TopicState(carriesEvents: carriesEvents)))
      }
    }
    for _ in 0..<4 {
      let client = HostileClient(distributor.addClient(encoding: .json)!)
      clients.append(client)
      for topic in topics { _ = distributor.subscribe(client.handle, to: topic.id) }
    }
  }

  func chance(_ percent: UInt64) -> Bool { random.next() % 100 < percent }

  private func pick(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }

  func run(steps: Int) throws {
    for _ in 0..<steps {
      now += random.next() % 120
      switch random.next() % 20 {
      case 0...5: try happen()
      case 6...12: try deliver()
      case 13: breakSomething()
      case 14, 15: acknowledge()
      case 16, 17: try answerRead()
      case 18: verify()
      default: serve()
      }
    }
    try heal()
  }

  // MARK: - The writer

  private func happen() throws {
    position &+= 1 &+ random.next() % 3
    let symbol = SymbolID(index: UInt32(pick(2)))
    let time = Timestamp(nanoseconds: 1_795_242_180_000_000_000)
    let price = Decimal9(nanos: Int64(random.next() % 1_000) * Decimal9.scale)
    switch random.next() % 20 {
    case 0: board.apply(.stale(symbol, since: time), position: position, to: self)
    case 1: board.noteLoss(symbol, position: position)
    case 2...10:
      topics[Int(symbol.index) * 2].made.append(SequenceNumber(epoch: epoch, number: position))
      board.apply(
        .trade(Trade(symbol: symbol, timestamp: time, price: price, size: price)),
        position: position, to: self)
    default:
      board.apply(
        .quote(
          Quote(
            symbol: symbol, timestamp: time, bidPrice: price, bidSize: price, askPrice: price,
            askSize: price)), position: position, to: self)
    }
    if chance(60) { board.flush(to: self, nowMilliseconds: now) }
    if chance(10) { board.refreshNextSlice(to: self, nowMilliseconds: now) }
  }

  /// The numbers begin anew: another pass of the tape, or another process, whose keys are the first's
  /// until they expire.
  private func renumber() {
    epoch += 1
    position = random.next() % 4
    if chance(50) { return board.beginEpoch(epoch) }
    board = MarketBoard(symbols: symbols, codes: codes, epoch: epoch)
    if chance(70) { keys = [:] }
  }

  // MARK: - Redis and the links

  private func breakSomething() {
    switch random.next() % 6 {
    case 0: renumber()
    case 1: loseLink()
    case 2: inFlight.shuffle(using: &random)
    case 3: if !inFlight.isEmpty { inFlight.removeFirst() }
    case 4: board.markAllDirty()
    default:
      let client = clients[pick(clients.count)]
      let topic = topics[pick(topics.count)]
      if distributor.isSubscribed(client.handle, to: topic.id) {
        _ = distributor.unsubscribe(client.handle, from: topic.id)
      } else {
        _ = distributor.subscribe(client.handle, to: topic.id)
        client.began(topic.key)
      }
    }
  }

  private func loseLink() {
    inFlight = []
    for index in topics.indices {
      topics[index].isCarried = false
      topics[index].state.linkLost(sinceMilliseconds: now)
    }
  }

  private func acknowledge() {
    let index = pick(topics.count)
    guard !topics[index].isCarried else { return }
    topics[index].isCarried = true
    ask(index, generation: topics[index].state.subscribed(nowMilliseconds: now), verifies: false)
  }

  private func verify() {
    let index = pick(topics.count)
    guard topics[index].state.wantsVerifying(nowMilliseconds: now) else { return }
    ask(index, generation: topics[index].state.generation, verifies: true)
  }

  /// Redis answers at any moment between the question and the answer's arrival.
  private func ask(_ index: Int, generation: UInt32, verifies: Bool) {
    let value: String?? = chance(50) ? .some(keys[topics[index].key]) : nil
    reads.append(Read(topic: index, value: value, generation: generation, verifies: verifies))
  }

  // MARK: - The gateway

  private func deliver() throws {
    guard !inFlight.isEmpty else { return }
    let place = chance(15) ? pick(min(4, inFlight.count)) : 0
    let (index, message) = inFlight.remove(at: place)
    let header = try header(message)
    let verdict = topics[index].state.receive(header, nowMilliseconds: now)
    carryOut(ignoresOrder ? .deliver : verdict, message, index)
  }

  private func answerRead() throws {
    guard !reads.isEmpty else { return }
    // Of links that ended the answers never come; but of two topics they come in any order.
    let read = reads.remove(at: chance(80) ? 0 : pick(reads.count))
    let value = read.value ?? keys[topics[read.topic].key]
    let header = try value.map { try self.header($0) }
    let verdict =
      read.verifies
      ? topics[read.topic].state.verify(header, generation: read.generation, isNamedStale: false)
      : topics[read.topic].state.read(header, generation: read.generation, feedIsLive: true)
    carryOut(verdict, value ?? "", read.topic)
  }

  private func header(_ message: String) throws -> MessageHeader {
    var message = message
    return try message.withUTF8 { try MessageHeader(scanning: UnsafeRawBufferPointer($0)) }
  }

  private func carryOut(_ verdict: TopicState.Verdict, _ message: String, _ index: Int) {
    let id = topics[index].id
    switch verdict {
    case .drop: return
    case .withdrawNotice: if !topics[index].carriesEvents { distributor.withdrawState(id) }
    case .deliver: offer(message, id)
    case .deliverAfterGap:
      distributor.offerGap(id, missed: nil)
      offer(message, id)
    case .announceStale:
      let parts = topics[index].key.split(separator: ":")
      let channel = topics[index].carriesEvents ? "trades" : "quotes"
      offer("{\"T\":\"stale\",\"S\":\"\(parts[1])\",\"c\":\"\(channel)\"}", id, isNotice: true)
    }
    if chance(50) { distributor.flush(to: self, deriving: deriver) }
  }

  private func offer(_ message: String, _ id: TopicID, isNotice: Bool = false) {
    var message = message
    message.withUTF8 { bytes in
      let bytes = UnsafeRawBufferPointer(bytes).bytes
      _ = isNotice ? distributor.offerNotice(id, bytes) : distributor.offer(id, bytes)
    }
  }

  private func serve() {
    for client in clients where client.isBlocked && chance(40) {
      client.isBlocked = false
      distributor.clientWritable(client.handle)
    }
    distributor.flush(to: self, deriving: deriver)
  }

  // MARK: - The end

  /// Everything works again: what is there in the end?
  private func heal() throws {
    isHealed = true
    board.flush(to: self, nowMilliseconds: now)
    while !inFlight.isEmpty { try deliver() }
    for index in topics.indices where !topics[index].isCarried {
      topics[index].isCarried = true
      ask(index, generation: topics[index].state.subscribed(nowMilliseconds: now), verifies: false)
    }
    while !reads.isEmpty { try answerRead() }
    // Twice, for a key that is gone is looked for twice.
    for _ in 0..<2 {
      now += 1_000
      for index in topics.indices where topics[index].state.wantsVerifying(nowMilliseconds: now) {
        ask(index, generation: topics[index].state.generation, verifies: true)
      }
      while !reads.isEmpty { try answerRead() }
    }
    for client in clients {
      client.isBlocked = false
      distributor.clientWritable(client.handle)
      client.isSlow = false
    }
    distributor.flush(to: self, deriving: deriver)
  }

  func key(_ index: Int) -> String? { keys[topics[index].key] }

  func holds(_ client: HostileClient, _ index: Int) -> Bool {
    distributor.isSubscribed(client.handle, to: topics[index].id)
  }
}

extension HostileMarket: MarketSink {
  private func text(_ bytes: RawSpan) -> String {
    bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  func set(key: RawSpan, value: RawSpan, ttlMilliseconds: UInt32) -> Bool {
    keys[text(key)] = text(value)
    if let index = topics.firstIndex(where: { $0.key == text(key) }) {
      topics[index].written.insert(text(value))
    }
    return true
  }

  func publish(channel: RawSpan, message: RawSpan) -> Bool {
    let (channel, message) = (text(channel), text(message))
    guard let index = topics.firstIndex(where: { $0.key == channel }) else { return true }
    topics[index].written.insert(message)
    guard isHealed || !chance(3) else { return false }  // the writer's own link is full
    guard topics[index].isCarried, isHealed || !chance(8) else { return true }  // lost
    inFlight.append((index, message))
    if !isHealed, chance(8) {
      inFlight.insert((index, message), at: pick(inFlight.count))
    }
    return true
  }

  func delete(key: RawSpan) -> Bool {
    keys[text(key)] = nil
    return true
  }
}

extension HostileMarket: FrameTransport {
  func send(
    _ client: ClientHandle, _ payload: UnsafeMutableRawBufferPointer, encoding: ClientEncoding
  ) -> SendOutcome {
    guard let client = clients.first(where: { $0.handle == client }) else { return .closed }
    client.take(String(decoding: payload, as: UTF8.self))
    guard client.isSlow, chance(30) else { return .drained }
    client.isBlocked = true
    return .buffered
  }
}
