import Testing

@testable import FanOut

@Suite struct ResumeTests {
  private struct Market {
    let scene = Scene()
    let group: GroupID
    let topics: [TopicID]

    init() {
      let group = scene.distributor.addGroup(.events(ringMessagesMax: 2), channel: "trades")
      self.group = group
      let scene = scene
      topics = (0..<2).map {
        scene.topic(.events(ringMessagesMax: 2), "S\($0)", "trades", in: group)
      }
    }

    func offer(_ topic: Int, _ version: Int) {
      scene.offer(topics[topic], "{\"t\":\(topic),\"v\":\(version)}")
    }
  }

  @Test func lossesBehindAWildcardAreToldBeforeWhatItBrings() {
    let market = Market()
    let distributor = market.scene.distributor
    let client = market.scene.client()
    distributor.subscribeAll(client, of: market.group)
    for topic in market.topics { distributor.subscribe(client, to: topic) }
    market.offer(1, 1)
    distributor.tellLoss(client, market.topics[1])
    market.offer(0, 1)
    _ = distributor.hasPending(client)
    distributor.tellLoss(client, market.topics[0])
    distributor.tellLoss(client, market.topics[0])
    market.offer(0, 2)
    market.offer(0, 3)
    #expect(
      market.scene.flush(client).map(\.description) == [
        "gap S0/trades null", "gap S1/trades null", "{\"t\":1,\"v\":1}", "gap S0/trades 1",
        "{\"t\":0,\"v\":2}", "{\"t\":0,\"v\":3}",
      ])
  }
}
