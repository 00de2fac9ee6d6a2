/// A growing ring of small integers, first in, first out. Bounded by its user: each entry of a
/// subscriber is in a queue at most a few times.
struct EntryQueue {
  private var ring: [Int32] = Array(repeating: 0, count: 64)
  private var head = 0
  private(set) var count = 0

  var first: Int? { count > 0 ? Int(ring[head]) : nil }

  mutating func append(_ entry: Int) {
    if count == ring.count {
      var larger = Array(ring[head...]) + Array(ring[..<head])
      larger.append(contentsOf: repeatElement(0, count: ring.count))
      ring = larger
      head = 0
    }
    ring[(head + count) & (ring.count - 1)] = Int32(entry)
    count += 1
  }

  mutating func popFirst() -> Int? {
    guard count > 0 else { return nil }
    let entry = Int(ring[head])
    head = (head + 1) & (ring.count - 1)
    count -= 1
    return entry
  }

  mutating func removeAll() { self = EntryQueue() }
}
