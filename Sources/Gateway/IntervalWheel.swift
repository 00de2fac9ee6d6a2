// When clients that want a frame an interval are due. A wheel of slots, each a doubly linked list of
// clients by their index: adding, removing and coming due cost the same for one client and for ten
// thousand, and nothing is allocated once a loop has had so many. One turn of the wheel is longer than
// the longest interval, so a slot's clients are all due at the same time. Pure.
package import FanOut

package struct IntervalWheel {
  private struct Node {
    var client: ClientHandle
    /// Index + 1 of the neighbours; 0: none.
    var previous: UInt32 = 0
    var next: UInt32 = 0
    /// Slot + 1; 0: not on the wheel.
    var slot: UInt32 = 0
    var due: UInt64 = 0
  }

  private static let tick = GatewayLimits.intervalTickMilliseconds
  private static let slots = GatewayLimits.intervalSlots

  private var nodes: [Node] = []
  /// Index + 1 of each slot's first client.
  private var firsts: [UInt32]
  /// A bit for each slot that has clients.
  private var occupied: [UInt64]
  /// The tick up to which clients have been taken.
  private var taken: UInt64
  package private(set) var count = 0

  package init(nowMilliseconds: UInt64) {
    firsts = Array(repeating: 0, count: IntervalWheel.slots)
    occupied = Array(repeating: 0, count: IntervalWheel.slots / 64)
    taken = nowMilliseconds / IntervalWheel.tick
  }

  private static func slot(_ tick: UInt64) -> Int { Int(tick & UInt64(slots - 1)) }

  /// Puts a client on the wheel, or to another place of it. A time that has passed is the next tick;
  /// one beyond the wheel's turn, after the loop stood still, comes at its end.
  package mutating func add(
    _ client: ClientHandle, dueMilliseconds due: UInt64, nowMilliseconds now: UInt64
  ) {
    remove(client)
    if count == 0 { taken = max(taken, now / IntervalWheel.tick) }
    let index = Int(client.index)
    while nodes.count <= index { nodes.append(Node(client: client)) }
    let wanted = (due + IntervalWheel.tick - 1) / IntervalWheel.tick
    let tick = min(max(wanted, taken + 1), taken + UInt64(IntervalWheel.slots) - 1)
    let slot = IntervalWheel.slot(tick)
    let first = firsts[slot]
    nodes[index] = Node(client: client, next: first, slot: UInt32(slot) + 1, due: due)
    if first != 0 { nodes[Int(first) - 1].previous = UInt32(index) + 1 }
    firsts[slot] = UInt32(index) + 1
    occupied[slot / 64] |= 1 << UInt64(slot % 64)
    count += 1
  }

  package mutating func remove(_ client: ClientHandle) {
    let index = Int(client.index)
    guard index < nodes.count, nodes[index].slot != 0 else { return }
    let node = nodes[index]
    let slot = Int(node.slot) - 1
    if node.previous == 0 {
      firsts[slot] = node.next
    } else {
      nodes[Int(node.previous) - 1].next = node.next
    }
    if node.next != 0 { nodes[Int(node.next) - 1].previous = node.previous }
    if firsts[slot] == 0 { occupied[slot / 64] &= ~(1 << UInt64(slot % 64)) }
    nodes[index].slot = 0
    count -= 1
  }

  /// When the next client is due: within 256 words, whatever their number; nil when there is none.
  package var nextMilliseconds: UInt64? {
    guard count > 0 else { return nil }
    let start = IntervalWheel.slot(taken + 1)
    let words = occupied.count
    for step in 0...words {
      let word = (start / 64 + step) % words
      var bits = occupied[word]
      if step == 0 { bits &= ~0 << UInt64(start % 64) }
      if step == words { bits &= ~(~0 << UInt64(start % 64)) }
      guard bits != 0 else { continue }
      let slot = word * 64 + bits.trailingZeroBitCount
      let ahead = UInt64((slot - start + IntervalWheel.slots) % IntervalWheel.slots)
      return (taken + 1 + ahead) * IntervalWheel.tick
    }
    return nil
  }

  /// Takes off a client that is due, and when it was; nil when no more are.
  package mutating func takeDue(nowMilliseconds now: UInt64) -> (ClientHandle, UInt64)? {
    while let next = nextMilliseconds, next <= now {
      taken = next / IntervalWheel.tick - 1
      let first = firsts[IntervalWheel.slot(taken + 1)]
      let node = nodes[Int(first) - 1]
      remove(node.client)
      return (node.client, node.due)
    }
    taken = max(taken, now / IntervalWheel.tick)
    return nil
  }
}
