import FanOut

/// Reads that joins wait for: one GET a topic, a bounded number under way, so that ten thousand
/// topics that join at once do not fill Redis' and our buffers.
struct JoinQueue {
  /// 2,000 answers of 1 KB are 2 MB; at 100,000 GETs a second a batch takes 20 ms.
  static let underWayMax = 2_000

  private var waiting: [(topic: TopicID, generation: UInt32)] = []
  private var head = 0
  private(set) var underWay = 0

  mutating func add(_ topic: TopicID, generation: UInt32) {
    waiting.append((topic, generation))
  }

  /// The next read to send, if one more may be under way.
  mutating func next() -> (topic: TopicID, generation: UInt32)? {
    guard underWay < JoinQueue.underWayMax, head < waiting.count else { return nil }
    underWay += 1
    defer {
      head += 1
      if head == waiting.count {
        waiting.removeAll(keepingCapacity: true)
        head = 0
      }
    }
    return waiting[head]
  }

  mutating func answered() { underWay -= 1 }
}
