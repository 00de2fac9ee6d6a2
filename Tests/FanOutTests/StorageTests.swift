import TestSupport
import Testing

@testable import FanOut

@Suite struct StorageTests {
  private func fill(_ slot: Slot, _ count: Int, with byte: UInt8, in arena: borrowing Arena) {
    [UInt8](repeating: byte, count: count).withUnsafeBytes { arena.store($0.bytes, in: slot) }
  }

  private func isFilled(_ slot: Slot, _ count: Int, with byte: UInt8, in arena: borrowing Arena)
    -> Bool
  {
    arena.withBytes(slot, count: count) { span in
      span.withUnsafeBytes { $0.allSatisfy { $0 == byte } }
    }
  }

  @Test func sizeClassesAreThePowersOfTwo() {
    for (bytes, expected) in [
      (1, 64), (64, 64), (65, 128), (128, 128), (129, 256), (4_097, 8_192), (65_536, 65_536),
    ] {
      #expect(Arena.bytes(ofClass: Arena.sizeClass(ofBytes: bytes)) == expected)
    }
  }

  @Test func slotsDoNotOverlapAndComeBack() {
    // Goal: no two living slots share a byte, whatever the order of allocation and release.
    var arena = Arena(bytesMax: 8 << 20)
    var random = SplitMix64(seed: 42)
    var living: [(slot: Slot, count: Int, byte: UInt8)] = []
    for step in 0..<6_000 {
      if living.isEmpty || random.chance(55) {
        let count = 1 + random.below(1 << (4 + random.below(13)))
        guard let slot = arena.allocate(min(count, 65_536)) else { continue }
        let byte = UInt8(truncatingIfNeeded: step)
        fill(slot, min(count, 65_536), with: byte, in: arena)
        living.append((slot, min(count, 65_536), byte))
      } else {
        let victim = living.remove(at: random.below(living.count))
        let isIntact = isFilled(victim.slot, victim.count, with: victim.byte, in: arena)
        #expect(isIntact)
        arena.release(victim.slot)
      }
    }
    for victim in living {
      let isIntact = isFilled(victim.slot, victim.count, with: victim.byte, in: arena)
      #expect(isIntact)
      arena.release(victim.slot)
    }
    let (used, reserved) = (arena.bytesUsed, arena.bytesReserved)
    #expect(used == 0)
    #expect(reserved <= 4 * Arena.chunkBytes)
  }

  @Test func theArenaStopsAtItsBoundAndGoesOnAfterARelease() {
    var arena = Arena(bytesMax: 512 << 10)
    var slots: [Slot] = []
    while let slot = arena.allocate(60_000) { slots.append(slot) }
    #expect(slots.count == 8)
    let whenFull = arena.allocate(1)
    #expect(whenFull == nil)
    arena.release(slots.removeLast())
    let ofAnotherClass = arena.allocate(1)
    #expect(ofAnotherClass == nil)
    let ofTheSameClass = arena.allocate(65_536)
    #expect(ofTheSameClass != nil)
    // A chunk that is wholly free serves another class.
    for slot in slots.prefix(4) { arena.release(slot) }
    let afterRelease = arena.allocate(1)
    #expect(afterRelease != nil)
  }

  @Test func freedExtentsAreUsedAgain() {
    var slab = ExtentSlab<UInt32>(blank: 0)
    let first = slab.allocate(ofClass: 3)
    let second = slab.allocate(ofClass: 3)
    slab.release(first, ofClass: 3)
    slab.release(second, ofClass: 3)
    let reserved = slab.bytesReserved
    for _ in 0..<1_000 {
      let again = slab.allocate(ofClass: 3)
      #expect(again == first || again == second)
      slab.release(again, ofClass: 3)
    }
    let reservedAfter = slab.bytesReserved
    #expect(reservedAfter == reserved)
  }

  @Test func theIndexFindsWhatADictionaryFinds() {
    var records = ExtentSlab<Subscription>(blank: .free)
    _ = records.allocate(ofClass: 12)
    var index = SubscriptionIndex()
    var expected: [UInt64: UInt32] = [:]
    var free = Array(UInt32(0)..<4_096)
    var random = SplitMix64(seed: 7)
    for _ in 0..<40_000 {
      let client = UInt32(random.below(40))
      let topic = UInt32(random.below(60))
      let key = UInt64(client) << 32 | UInt64(topic)
      let found = index.find(client, topic, in: records)
      #expect(found == expected[key] ?? noIndex)
      if let number = expected[key] {
        if random.chance(60) {
          index.remove(number, in: records)
          expected[key] = nil
          free.append(number)
        } else {
          let new = free.remove(at: random.below(free.count))
          records[new] = records[number]
          index.move(number, to: new, in: records)
          expected[key] = new
          free.append(number)
        }
      } else {
        let number = free.remove(at: random.below(free.count))
        records[number] = Subscription(
          client: client, target: topic, isWildcard: false, depth: .full, cursor: 0)
        index.insert(number, in: records)
        expected[key] = number
      }
    }
    let count = index.count
    #expect(count == expected.count)
  }
}
