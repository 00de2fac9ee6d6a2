import FanOut
import MarketData
import TestSupport
import Testing

@testable import Gateway

@Suite struct ResumeTableTests {
  private let clients: [ClientHandle] = {
    let distributor = Distributor()
    return (0..<4).map { _ in distributor.addClient(encoding: .json)! }
  }()

  private func at(_ number: UInt64) -> SequenceNumber { SequenceNumber(epoch: 1, number: number) }

  @Test func aTopicIsAwaitedUntilItsClientsAreTakenOrGone() {
    var table = ResumeTable()
    #expect(!table.isAwaited(3) && table.take(3).isEmpty)
    table.add(clients[0], 3, after: at(1))
    table.add(clients[0], 3, after: at(2))
    table.add(clients[1], 3, after: at(5))
    table.add(clients[1], 70, after: at(6))
    #expect(table.isAwaited(3) && !table.isAwaited(4) && table.count == 3)
    table.remove(clients[0], 3)
    #expect(table.isAwaited(3) && !table.isWaiting(clients[0], for: 3))
    let taken = table.take(3)
    #expect(taken.map(\.client) == [clients[1]] && taken[0].sequence == at(5))
    #expect(!table.isAwaited(3) && table.isWaiting(clients[1], for: 70))
    table.remove(clients[1])
    #expect(!table.isAwaited(70) && table.count == 0)
  }

  @Test func symbolsThatAreListedLaterFindTheirClients() throws {
    var table = ResumeTable()
    let names = try ["A", "B"].map {
      TopicDirectory.Name(symbol: try #require(SymbolName($0)), channel: .trades, path: .stock)
    }
    for name in names {
      for client in clients { table.addUnlisted(client, name, after: at(9)) }
    }
    table.remove(clients[0])
    table.removeUnlisted(clients[1], channel: .bars)
    table.removeUnlisted(clients[2], channel: .trades)
    #expect(Set(table.takeUnlisted(names[0]).map(\.client)) == [clients[1], clients[3]])
    #expect(table.takeUnlisted(names[0]).isEmpty)
    #expect(table.takeUnlisted(names[1]).count == 2)
  }
}
