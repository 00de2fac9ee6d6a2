import Testing

@testable import FanOut

@Suite struct ClientTests {
  @Test func aHandleThatOutlivedItsClientDoesNothing() {
    let scene = Scene()
    let quote = scene.topic(.state, "AAPL")
    let old = scene.client()
    scene.distributor.removeClient(old)
    let new = scene.client()
    #expect(new.index == old.index && new != old)
    #expect(ClientHandle(rawValue: new.rawValue) == new)
    #expect(scene.distributor.subscribe(old, to: quote) == .noSuchClient)
    #expect(!scene.distributor.unsubscribe(old, from: quote))
    #expect(!scene.distributor.clientWritable(old))
    #expect(!scene.distributor.removeClient(old))
    #expect(scene.distributor.counters(of: old) == nil)
    #expect(scene.distributor.held(by: old).isEmpty)
    scene.distributor.flushClient(old, to: scene.transport, deriving: scene.deriver)
    #expect(scene.distributor.contains(new))
  }

  @Test func aTopicThatWasRemovedIsRecognised() {
    let scene = Scene()
    let old = scene.topic(.state, "AAPL")
    let client = scene.client()
    scene.distributor.subscribe(client, to: old)
    #expect(scene.distributor.removeTopic(old))
    let new = scene.topic(.state, "MSFT")
    #expect(new.index == old.index && new != old)
    #expect(scene.offer(old, "{}") == .noSuchTopic)
    #expect(scene.distributor.subscribe(client, to: old) == .noSuchTopic)
    #expect(scene.distributor.subscriptionCount(of: client) == 0)
    #expect(scene.distributor.subscriberCount(of: old) == 0)
  }

  @Test func repeatingSixThousandSubscriptionsChangesNothing() {
    let scene = Scene()
    let topics = (0..<6_000).map { scene.topic(.state, "S\($0)") }
    let client = scene.client()
    for topic in topics { #expect(scene.distributor.subscribe(client, to: topic) == .added) }
    let memory = scene.distributor.memory
    for topic in topics.reversed() {
      #expect(scene.distributor.subscribe(client, to: topic) == .alreadyHeld)
    }
    #expect(scene.distributor.memory == memory)
    #expect(scene.distributor.held(by: client) == topics)
  }

  @Test func theListingKeepsItsOrder() {
    let scene = Scene()
    let topics = (0..<20).map { scene.topic(.state, "S\($0)") }
    let client = scene.client()
    for topic in topics { scene.distributor.subscribe(client, to: topic) }
    for topic in topics where topic.index % 3 == 0 {
      scene.distributor.unsubscribe(client, from: topic)
    }
    #expect(scene.distributor.held(by: client) == topics.filter { $0.index % 3 != 0 })
  }

  @Test func aListingMayGiveUpWhatItLists() {
    let scene = Scene()
    let distributor = scene.distributor
    let client = scene.client()
    for number in 0..<20 { distributor.subscribe(client, to: scene.topic(.state, "S\(number)")) }
    var listed = 0
    distributor.forEachSubscription(of: client) { topic in
      listed += 1
      #expect(distributor.unsubscribe(client, from: topic))
    }
    #expect(listed == 20)
    #expect(distributor.memory.subscriptions == 0)
  }

  @Test func boundsRefuseAndChangeNothing() {
    let scene = Scene {
      $0.clientsMax = 2
      $0.topicsMax = 3
      $0.subscriptionsPerClientMax = 2
      $0.subscriptionsMax = 3
    }
    let topics = (0..<3).map { scene.topic(.state, "S\($0)") }
    #expect(scene.distributor.addTopic(.state, symbol: "S3", channel: "quotes") == nil)
    let clients = [scene.client(), scene.client()]
    #expect(scene.distributor.addClient(encoding: .json) == nil)
    #expect(scene.distributor.subscribe(clients[0], to: topics[0]) == .added)
    #expect(scene.distributor.subscribe(clients[0], to: topics[1]) == .added)
    #expect(scene.distributor.subscribe(clients[0], to: topics[2]) == .full)
    #expect(scene.distributor.subscribe(clients[1], to: topics[0]) == .added)
    #expect(scene.distributor.subscribe(clients[1], to: topics[1]) == .full)
    #expect(scene.distributor.held(by: clients[0]) == [topics[0], topics[1]])
    #expect(scene.distributor.held(by: clients[1]) == [topics[0]])
  }

  @Test func namesThatWouldNeedEscapingAreRefused() {
    let scene = Scene()
    for symbol in ["", "A\"", "A\\", "A\n", "É", String(repeating: "A", count: 33)] {
      #expect(scene.distributor.addTopic(.state, symbol: symbol, channel: "quotes") == nil)
    }
    #expect(
      scene.distributor.addTopic(
        .state, symbol: String(repeating: "A", count: 32), channel: "quotes") != nil)
  }

  @Test func aBlockedClientThatChangesItsMindForEverDoesNotGrow() {
    let scene = Scene()
    let topics = (0..<8).map { scene.topic(.state, "S\($0)") }
    let client = scene.client()
    scene.distributor.clientBlocked(client)
    for topic in topics { scene.offer(topic, "{}") }
    for topic in topics { scene.distributor.subscribe(client, to: topic) }
    for round in 0..<10_000 {
      let topic = topics[round % 8]
      scene.distributor.unsubscribe(client, from: topic)
      scene.distributor.subscribe(client, to: topic)
    }
    #expect(scene.distributor.memory.tableBytesReserved < 16_384)
    scene.distributor.clientWritable(client)
    #expect(scene.flush().count == 8)
  }

  @Test func slowClientsCostNoMessages() {
    // 200 blocked clients against one, the same traffic: the arena must not know the difference.
    var used: [Int] = []
    for clients in [1, 200] {
      let scene = Scene()
      let trades = scene.topic(.events(ringMessagesMax: 256), "AAPL", "trades")
      for _ in 0..<clients {
        let client = scene.client()
        scene.distributor.subscribe(client, to: trades)
        scene.distributor.clientBlocked(client)
      }
      for version in 0..<10_000 {
        scene.offer(trades, "{\"v\":\(version)}")
        if version % 100 == 0 { #expect(scene.flush().isEmpty) }
      }
      used.append(scene.distributor.memory.arenaBytesUsed)
    }
    #expect(used[0] == used[1])
  }

  @Test func everythingIsGivenBack() {
    let scene = Scene()
    let group = scene.distributor.addGroup(.book, channel: "orderbooks")
    for _ in 0..<3 {
      let topics = (0..<500).map { scene.topic(.book, "S\($0)", "orderbooks", in: group) }
      let clients = (0..<40).map { scene.client($0 % 2 == 0 ? .json : .messagePack) }
      for (number, client) in clients.enumerated() {
        scene.distributor.subscribeAll(client, of: group, depth: .five)
        for topic in topics where Int(topic.index) % 7 == number % 7 {
          scene.distributor.subscribe(client, to: topic)
        }
      }
      for topic in topics { scene.offer(topic, #"{"v":1}"#) }
      _ = scene.flush()
      for client in clients { #expect(scene.distributor.removeClient(client)) }
      for topic in topics { #expect(scene.distributor.removeTopic(topic)) }
      let memory = scene.distributor.memory
      #expect(memory.arenaBytesUsed == 0 && memory.subscriptions == 0)
      #expect(memory.subscriberEntries == 0 && memory.topics == 0 && memory.clients == 0)
    }
  }

  @Test func recordsHaveTheStatedSizes() {
    #expect(MemoryLayout<Subscription>.size == 24)
    #expect(MemoryLayout<Client>.size == 64)
    #expect(MemoryLayout<LogEntry>.size == 16)
    #expect(MemoryLayout<EntryHeader>.size == 16 && MemoryLayout<Cell>.size == 8)
    #expect(MemoryLayout<Topic>.stride <= 64)
  }
}
