// Short byte strings as dense small integers: the storage of `SymbolTable` and `CodeTable`.
//
// Entries lie one after the other in one arena and are never moved or removed; `spans` holds each
// entry's place. `slots` is an open-addressing table of entry numbers plus one (0 is free), at most
// half full, linear probing. Nothing is allocated per entry or per look-up. The hash is fixed, not
// seeded: a peer can only choose keys that a table refuses beyond `entriesMax`, so the worst case
// is bounded by it, and look-ups of a client's symbols never add to the table.

struct InternTable: ~Copyable {
  /// One entry's place in the arena, and a mark for its owner's use.
  private struct Place: BitwiseCopyable {
    var offset: UInt32
    var length: UInt16
    var mark: UInt8
  }

  private let entriesMax: Int
  private var arena = ByteWriter(capacity: 1_024)
  private var places: UnsafeMutablePointer<Place>
  private var placesCapacity = 64
  private var slots: [UInt32] = Array(repeating: 0, count: 128)
  private(set) var count = 0

  init(entriesMax: Int) {
    self.entriesMax = entriesMax
    places = .allocate(capacity: placesCapacity)
  }

  deinit { places.deallocate() }

  /// The entry's number, if it is there.
  borrowing func find(_ bytes: UnsafeRawBufferPointer) -> Int? {
    let slot = slots[probe(bytes)]
    return slot == 0 ? nil : Int(slot) - 1
  }

  /// Adds what `find` did not find, and gives its number, or nil when the table is full.
  mutating func add(_ bytes: UnsafeRawBufferPointer, mark: UInt8) -> Int? {
    guard count < entriesMax else { return nil }
    if count == placesCapacity { growPlaces() }
    if (count + 1) * 2 > slots.count { growSlots() }
    slots[probe(bytes)] = UInt32(count + 1)
    (places + count).initialize(
      to: Place(offset: UInt32(arena.count), length: UInt16(bytes.count), mark: mark))
    arena.append(bytes)
    count += 1
    return count - 1
  }

  @inline(__always)
  borrowing func mark(of index: Int) -> UInt8 {
    precondition(index >= 0 && index < count, "an index of another table")
    return places[index].mark
  }

  @inline(__always)
  borrowing func withBytes<E: Error, R: ~Copyable>(
    of index: Int, _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    precondition(index >= 0 && index < count, "an index of another table")
    let place = places[index]
    return try arena.withUnsafeBytes { (all) throws(E) -> R in
      let start = Int(place.offset)
      return try body(UnsafeRawBufferPointer(rebasing: all[start..<start + Int(place.length)]))
    }
  }

  /// The slot that holds the entry, or the free one where it belongs.
  private borrowing func probe(_ bytes: UnsafeRawBufferPointer) -> Int {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: InternTable.hash(bytes)) & mask
    while slots[slot] != 0 {
      let equal = withBytes(of: Int(slots[slot]) - 1) { $0.elementsEqual(bytes) }
      if equal { return slot }
      slot = (slot + 1) & mask
    }
    return slot
  }

  /// FNV-1a of 64 bits, its high half folded down because the mask takes the low bits.
  private static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash ^ (hash >> 32)
  }

  private mutating func growPlaces() {
    let larger = UnsafeMutablePointer<Place>.allocate(capacity: placesCapacity * 2)
    larger.moveInitialize(from: places, count: count)
    places.deallocate()
    places = larger
    placesCapacity *= 2
  }

  private mutating func growSlots() {
    slots = Array(repeating: 0, count: slots.count * 2)
    for index in 0..<count {
      let slot = withBytes(of: index) { probe($0) }
      slots[slot] = UInt32(index + 1)
    }
  }
}
