// The memory of one reply: its elements as a flat array in the order in which they came (an array
// stands before its elements, `end` says where it ends), their bytes in one block. It is emptied and
// used again for the next reply, so that parsing allocates nothing once it has grown.
//
// Owned by one ReplyReader on its loop's thread. A view names the generation it was made in; emptying
// the arena begins a new one.

struct ReplyNode {
  /// The number of an integer; the offset of a string's bytes.
  var value: Int64
  /// Bytes of a string, elements of an array.
  var count: Int32
  /// Index after the last node of this subtree.
  var end: Int32
  var kind: RedisReplyKind
}

struct ReplyArena {
  private(set) var nodes: UnsafeMutablePointer<ReplyNode>
  private(set) var nodeCount = 0
  private var nodeCapacity = 16

  private(set) var bytes: UnsafeMutablePointer<UInt8>
  private(set) var byteCount = 0
  private var byteCapacity = 1_024

  private(set) var generation: UInt32 = 0
  /// Set when a bound refused an element.
  private(set) var overLimit = false

  init() {
    nodes = .allocate(capacity: nodeCapacity)
    bytes = .allocate(capacity: byteCapacity)
  }

  func deallocate() {
    nodes.deallocate()
    bytes.deallocate()
  }

  mutating func removeAll() {
    generation &+= 1
    nodeCount = 0
    byteCount = 0
    overLimit = false
    if byteCapacity > RedisLimits.bufferBytesKept {
      bytes.deallocate()
      byteCapacity = 1_024
      bytes = .allocate(capacity: byteCapacity)
    }
    if nodeCapacity * MemoryLayout<ReplyNode>.stride > RedisLimits.bufferBytesKept {
      nodes.deallocate()
      nodeCapacity = 16
      nodes = .allocate(capacity: nodeCapacity)
    }
  }

  /// Index of the new node, or nil when a bound forbids it.
  mutating func append(_ kind: RedisReplyKind, value: Int64, count: Int32) -> Int32? {
    guard nodeCount < RedisLimits.replyElementsMax,
      kind != .array || Int(count) <= RedisLimits.replyElementsMax - nodeCount
    else {
      overLimit = true
      return nil
    }
    if nodeCount == nodeCapacity {
      let larger = UnsafeMutablePointer<ReplyNode>.allocate(capacity: nodeCapacity * 2)
      larger.moveInitialize(from: nodes, count: nodeCount)
      nodes.deallocate()
      nodes = larger
      nodeCapacity *= 2
    }
    let index = Int32(nodeCount)
    (nodes + nodeCount).initialize(
      to: ReplyNode(value: value, count: count, end: index + 1, kind: kind))
    nodeCount += 1
    return index
  }

  mutating func appendString(
    _ kind: RedisReplyKind, _ source: UnsafeRawPointer, count: Int
  ) -> Int32? {
    guard count <= RedisLimits.replyBytesMax - byteCount else {
      overLimit = true
      return nil
    }
    guard let index = append(kind, value: Int64(byteCount), count: Int32(count)) else { return nil }
    if byteCount + count > byteCapacity {
      byteCapacity = max(byteCount + count, byteCapacity * 2)
      let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: byteCapacity)
      larger.moveInitialize(from: bytes, count: byteCount)
      bytes.deallocate()
      bytes = larger
    }
    UnsafeMutableRawPointer(bytes + byteCount).copyMemory(from: source, byteCount: count)
    byteCount += count
    return index
  }

  /// `parent`'s subtree now reaches over everything appended so far.
  func extend(_ parent: Int32) { nodes[Int(parent)].end = Int32(nodeCount) }
}
