import Credentials
import MarketData
import Testing
import WebTransport

@testable import FanOut
@testable import Gateway

@Suite struct StreamSessionsTests {
  private func session(
    _ connection: UInt32, _ client: UInt32, generation: UInt32 = 1
  ) -> StreamSession {
    StreamSession(
      connection: ConnectionID(index: connection, generation: generation),
      client: ClientHandle(index: client, generation: generation), path: .stock,
      encoding: .json, openedAt: 0, address: ClientAddress("127.0.0.1"))
  }

  @Test func aSessionIsFoundByConnectionAndByClient() {
    var sessions = StreamSessions()
    let first = session(4, 0)
    let second = session(0, 7)
    sessions.add(first)
    sessions.add(second)
    #expect(sessions.count == 2)
    #expect(sessions[first.connection]?.client == first.client)
    #expect(sessions.connection(of: first.client) == first.connection)
    #expect(sessions.connection(of: second.client) == second.connection)
    #expect(sessions[ConnectionID(index: 1, generation: 1)] == nil)
    #expect(sessions[ConnectionID(index: 99, generation: 1)] == nil)
    #expect(sessions.connection(of: ClientHandle(index: 3, generation: 1)) == nil)
    var seen = 0
    sessions.forEach { _ in seen += 1 }
    #expect(seen == 2)
  }

  /// An id or handle that outlived its session must not reach who came after it.
  @Test func aLateNameDoesNotReachTheNextSession() {
    var sessions = StreamSessions()
    let old = session(1, 1, generation: 1)
    let new = session(1, 1, generation: 2)
    sessions.add(old)
    #expect(sessions.remove(old.connection) != nil)
    #expect(sessions.connection(of: old.client) == nil)
    sessions.add(new)
    #expect(sessions[old.connection] == nil)
    #expect(sessions.remove(old.connection) == nil)
    #expect(sessions.connection(of: old.client) == nil)
    sessions.update(old.connection) { $0.stage = .ended }
    #expect(sessions[new.connection]?.stage == .connected)
    #expect(sessions.connection(of: new.client) == new.connection)
    #expect(sessions.count == 1)
  }

  @Test func anUpdateStays() {
    var sessions = StreamSessions()
    let only = session(2, 2)
    sessions.add(only)
    sessions.update(only.connection) {
      $0.stage = .authenticated
      $0.blockedAt = 9
    }
    #expect(sessions[only.connection]?.stage == .authenticated)
    #expect(sessions.remove(only.connection)?.blockedAt == 9)
    #expect(sessions.remove(only.connection) == nil)
    #expect(sessions.count == 0)
  }
}

@Suite struct JoinQueueTests {
  @Test func readsUnderWayAreBounded() {
    var queue = JoinQueue()
    for topic in 0..<5_000 as Range<UInt32> { queue.add(topic) }
    var sent: [UInt32] = []
    while let topic = queue.next() { sent.append(topic) }
    #expect(sent.count == JoinQueue.underWayMax)
    #expect(queue.underWay == JoinQueue.underWayMax)
    queue.answered()
    #expect(queue.next() == UInt32(JoinQueue.underWayMax))
    #expect(queue.next() == nil)
  }

  @Test func theOrderIsThatOfTheJoinsAndNoneIsLost() {
    var queue = JoinQueue()
    for topic in 0..<5_000 as Range<UInt32> { queue.add(topic) }
    var sent: [UInt32] = []
    while let topic = queue.next() {
      sent.append(topic)
      queue.answered()
    }
    #expect(sent == Array(0..<5_000))
    #expect(queue.underWay == 0)
    #expect(queue.count == 0)
  }

  /// Goal: a subscriber link that flaps while the other link is away does not make the queue grow.
  @Test func aTopicThatWaitsDoesNotWaitTwice() {
    var queue = JoinQueue()
    for _ in 0..<100 { for topic in 0..<10 as Range<UInt32> { queue.add(topic) } }
    #expect(queue.count == 10)
    #expect(queue.next() == 0)
    queue.add(0)  // it changed while its read is under way: read once more
    #expect(queue.count == 10)
  }
}
