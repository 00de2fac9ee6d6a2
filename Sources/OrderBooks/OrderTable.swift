// Resting orders by reference: one flat array of 24-byte slots with open addressing.
//
// A slot is taken exactly when its shares are not 0, so every 64-bit reference is possible. Probing
// is linear and deletion shifts back, so there are no tombstones and a probe ends at the first free
// slot; `loadMax32nds` guarantees that there is one. The home of a reference is the high part of a
// product (Fibonacci hashing, then a multiplication by the size instead of a remainder), so the size
// need not be a power of two and can grow by half.
//
// Pointers into the table are valid until the next insertion or removal. It does not bound itself:
// `OrderBookSet` does. Belongs to one thread.

import CPrefetch

struct OrderSlot {
  var reference: UInt64
  var price: UInt32
  /// 0: the slot is free.
  var shares: UInt32
  var book: UInt16
  var side: BookSide
}

struct OrderTable: ~Copyable {
  private(set) var slots: UnsafeMutablePointer<OrderSlot>
  private(set) var slotCount: Int
  private(set) var count = 0
  private var growAt: Int

  init() {
    slotCount = OrderBooksLimits.slotsMin
    slots = OrderTable.allocate(slotCount)
    growAt = OrderTable.taken(of: slotCount)
  }

  deinit { OrderTable.free(slots, slotCount) }

  var byteCount: Int { slotCount * MemoryLayout<OrderSlot>.stride }

  @inline(__always)
  private func home(_ reference: UInt64) -> Int {
    let hash = reference &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: hash.multipliedFullWidth(by: UInt64(slotCount)).high)
  }

  @inline(__always)
  private func next(_ index: Int) -> Int { index &+ 1 == slotCount ? 0 : index &+ 1 }

  /// Begins to bring the slot of a reference from memory, and the cache line behind it, where about
  /// half of all probes end. Nothing waits for them.
  @inline(__always)
  func prefetch(_ reference: UInt64) {
    let slot = UnsafeRawPointer(slots + home(reference))
    prefetchx(slot)
    prefetchx(slot + 64)
  }

  /// The order's slot, or nil.
  @inline(__always)
  func find(_ reference: UInt64) -> UnsafeMutablePointer<OrderSlot>? {
    var index = home(reference)
    while true {
      let slot = slots + index
      if slot.pointee.shares == 0 { return nil }
      if slot.pointee.reference == reference { return slot }
      index = next(index)
    }
  }

  /// A free slot for a new reference, to be filled at once by `fill`; nil when it is taken.
  @inline(__always)
  mutating func vacancy(for reference: UInt64) -> UnsafeMutablePointer<OrderSlot>? {
    if count >= growAt { grow() }
    var index = home(reference)
    while true {
      let slot = slots + index
      if slot.pointee.shares == 0 { return slot }
      if slot.pointee.reference == reference { return nil }
      index = next(index)
    }
  }

  @inline(__always)
  mutating func fill(_ slot: UnsafeMutablePointer<OrderSlot>, _ order: OrderSlot) {
    slot.pointee = order
    count &+= 1
  }

  /// Frees a slot and shifts back what was pushed behind it.
  @inline(__always)
  mutating func remove(_ slot: UnsafeMutablePointer<OrderSlot>) {
    count &-= 1
    var hole = slot - slots
    var index = hole
    while true {
      index = next(index)
      let candidate = slots[index]
      if candidate.shares == 0 { break }
      // It may move to the hole when its home is not behind the hole, seen from where it is.
      var fromHome = index &- home(candidate.reference)
      if fromHome < 0 { fromHome &+= slotCount }
      var fromHole = index &- hole
      if fromHole < 0 { fromHole &+= slotCount }
      if fromHome >= fromHole {
        slots[hole] = candidate
        hole = index
      }
    }
    slots[hole].shares = 0
  }

  @inline(never)
  private mutating func grow() {
    let (old, oldCount) = (slots, slotCount)
    slotCount = oldCount + oldCount / 2
    slots = OrderTable.allocate(slotCount)
    growAt = OrderTable.taken(of: slotCount)
    for index in 0..<oldCount where old[index].shares != 0 {
      var place = home(old[index].reference)
      while slots[place].shares != 0 { place = next(place) }
      slots[place] = old[index]
    }
    OrderTable.free(old, oldCount)
  }

  private static func taken(of slots: Int) -> Int {
    slots * OrderBooksLimits.loadMax32nds / 32
  }

  private static func allocate(_ count: Int) -> UnsafeMutablePointer<OrderSlot> {
    // Zero bytes are free slots.
    FlatMemory.allocate(byteCount: count * MemoryLayout<OrderSlot>.stride)
      .bindMemory(to: OrderSlot.self, capacity: count)
  }

  private static func free(_ slots: UnsafeMutablePointer<OrderSlot>, _ count: Int) {
    FlatMemory.free(slots, byteCount: count * MemoryLayout<OrderSlot>.stride)
  }
}
