/// Reads that joins wait for: one GET a topic, a bounded number under way, so that ten thousand
/// topics that join at once do not fill Redis' and our buffers. Topics are named by their index; one
/// that waits already does not wait twice, so no flapping link makes it longer than the topics are.
struct JoinQueue {
  /// 2,000 answers of 1 KB are 2 MB; at 100,000 GETs a second a batch takes 20 ms.
  static let underWayMax = 2_000

  private var waiting: [UInt32] = []
  private var head = 0
  /// By topic index.
  private var waits: [Bool] = []
  private(set) var underWay = 0

  /// Topics that wait.
  var count: Int { waiting.count - head }

  mutating func add(_ topic: UInt32) {
    while waits.count <= Int(topic) { waits.append(false) }
    guard !waits[Int(topic)] else { return }
    waits[Int(topic)] = true
    waiting.append(topic)
  }

  /// The topic to read next, if one more read may be under way; `answered` must follow.
  mutating func next() -> UInt32? {
    guard underWay < JoinQueue.underWayMax, head < waiting.count else { return nil }
    let topic = waiting[head]
    waits[Int(topic)] = false
    underWay += 1
    head += 1
    // What was handed out is forgotten once it is half, which costs a move an entry.
    if 2 * head >= waiting.count {
      waiting.removeSubrange(..<head)
      head = 0
    }
    return topic
  }

  mutating func answered() {
    precondition(underWay > 0, "an answer that nobody waits for")
    underWay -= 1
  }
}
