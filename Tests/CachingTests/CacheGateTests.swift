import Testing

@testable import Caching

@Suite struct CacheGateTests {
  private func open() -> CacheGate {
    var gate = CacheGate()
    gate.feedAttached()
    gate.linkReady()
    gate.feedListening()
    gate.synchronized(gate.epoch)
    #expect(gate.isOpen)
    return gate
  }

  @Test func beginsClosedAndOpensByTheLogAlone() {
    var gate = CacheGate()
    gate.feedAttached()
    gate.linkReady()
    #expect(!gate.isOpen && !gate.wantsSynchronizing, "nobody listens yet")
    gate.feedListening()
    #expect(!gate.isOpen && gate.wantsSynchronizing)
    gate.synchronized(gate.epoch)
    #expect(gate.isOpen && !gate.wantsSynchronizing)
  }

  @Test func withoutAFeedTheLinkIsEnough() {
    var gate = CacheGate()
    gate.linkReady()
    #expect(gate.wantsSynchronizing)
    gate.synchronized(gate.epoch)
    #expect(gate.isOpen)
  }

  @Test(arguments: 0..<5) func everyLossWantsTheLogAgain(loss: Int) {
    var gate = open()
    switch loss {
    case 0:
      gate.feedLost()
      #expect(!gate.isOpen)
      gate.feedListening()
    case 1:
      gate.linkLost()
      #expect(!gate.isOpen)
      gate.linkReady()
    case 2:
      gate.breakerOpened()
      #expect(!gate.isOpen)
      gate.breakerClosed()
    case 3: gate.invalidationFailed()
    default: gate.feedListening()  // again, without a word of the loss
    }
    #expect(!gate.isOpen)
    #expect(gate.wantsSynchronizing)
  }

  @Test func logReadBeforeALossDoesNotCount() {
    var gate = open()
    gate.feedLost()
    gate.feedListening()
    let before = gate.epoch
    gate.feedLost()
    gate.feedListening()
    gate.synchronized(before)
    #expect(!gate.isOpen)
  }
}
