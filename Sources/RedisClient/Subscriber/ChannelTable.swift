// Channel name -> entry by open addressing: names in one block of bytes, slots of (hash, entry), so
// that a message costs one hash and usually one comparison. Entries are small integers that are used
// again. Removal shifts the following slots back, so there are no tombstones. Pure, one owner.
//
// The block of names is compacted when more than half of it belongs to removed channels.
import Glibc

struct ChannelTable: ~Copyable {
  private struct Slot {
    var hash: UInt32
    /// -1: empty.
    var entry: Int32
  }

  private struct Name {
    var offset: Int32
    /// -1: the entry is free, `offset` is the next free one.
    var count: Int32
    var hash: UInt32
  }

  private var slots: [Slot]
  private var names: [Name] = []
  private var bytes: [UInt8] = []
  private var liveBytes = 0
  private var firstFree: Int32 = -1
  private(set) var count = 0

  init() { slots = Array(repeating: Slot(hash: 0, entry: -1), count: 64) }

  /// One more than the largest entry ever handed out.
  var entriesEnd: Int { names.count }

  func find(_ name: RawSpan) -> Int? {
    let hash = ChannelTable.hash(name)
    var at = Int(hash) & (slots.count - 1)
    while slots[at].entry >= 0 {
      if slots[at].hash == hash, equals(Int(slots[at].entry), name) { return Int(slots[at].entry) }
      at = (at + 1) & (slots.count - 1)
    }
    return nil
  }

  /// The entry of a name that is not in the table yet.
  mutating func insert(_ name: RawSpan) -> Int {
    let hash = ChannelTable.hash(name)
    if (count + 1) * 2 > slots.count { rehash(slots.count * 2) }
    let stored = Name(offset: Int32(bytes.count), count: Int32(name.byteCount), hash: hash)
    name.withUnsafeBytes { bytes.append(contentsOf: $0) }
    liveBytes += name.byteCount
    let entry: Int
    if firstFree >= 0 {
      entry = Int(firstFree)
      firstFree = names[entry].offset
      names[entry] = stored
    } else {
      entry = names.count
      names.append(stored)
    }
    place(hash, Int32(entry))
    count += 1
    return entry
  }

  mutating func remove(_ entry: Int) {
    let name = names[entry]
    precondition(name.count >= 0, "a channel removed twice")
    let mask = slots.count - 1
    var hole = Int(name.hash) & mask
    while slots[hole].entry != Int32(entry) { hole = (hole + 1) & mask }
    var next = (hole + 1) & mask
    while slots[next].entry >= 0 {
      let home = Int(slots[next].hash) & mask
      // Move it back unless that would put it before its home.
      if (next - home) & mask >= (next - hole) & mask {
        slots[hole] = slots[next]
        hole = next
      }
      next = (next + 1) & mask
    }
    slots[hole].entry = -1
    liveBytes -= Int(name.count)
    names[entry] = Name(offset: firstFree, count: -1, hash: 0)
    firstFree = Int32(entry)
    count -= 1
    if bytes.count > 4_096, liveBytes * 2 < bytes.count { compact() }
  }

  func withName<R>(of entry: Int, _ body: (RawSpan) -> R) -> R {
    let name = names[entry]
    precondition(name.count >= 0, "the name of a removed channel")
    let all = bytes.span.bytes
    return body(all.extracting(Int(name.offset)..<Int(name.offset + name.count)))
  }

  // MARK: - Parts

  private func equals(_ entry: Int, _ other: RawSpan) -> Bool {
    let name = names[entry]
    guard Int(name.count) == other.byteCount else { return false }
    guard name.count > 0 else { return true }
    return other.withUnsafeBytes { other in
      bytes.withUnsafeBytes { all in
        memcmp(all.baseAddress! + Int(name.offset), other.baseAddress!, other.count) == 0
      }
    }
  }

  private mutating func place(_ hash: UInt32, _ entry: Int32) {
    var at = Int(hash) & (slots.count - 1)
    while slots[at].entry >= 0 { at = (at + 1) & (slots.count - 1) }
    slots[at] = Slot(hash: hash, entry: entry)
  }

  private mutating func rehash(_ size: Int) {
    let old = slots
    slots = Array(repeating: Slot(hash: 0, entry: -1), count: size)
    for slot in old where slot.entry >= 0 { place(slot.hash, slot.entry) }
  }

  private mutating func compact() {
    var packed: [UInt8] = []
    packed.reserveCapacity(liveBytes)
    for entry in names.indices where names[entry].count >= 0 {
      let from = Int(names[entry].offset)
      names[entry].offset = Int32(packed.count)
      packed.append(contentsOf: bytes[from..<from + Int(names[entry].count)])
    }
    bytes = packed
  }

  /// Multiply and fold, 8 bytes at a time. Names are our own (checked symbols), so nobody outside
  /// chooses them to collide.
  static func hash(_ name: RawSpan) -> UInt32 {
    let count = name.byteCount
    var state = UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15
    var at = 0
    while at + 8 <= count {
      state = fold(state ^ name.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self))
      at += 8
    }
    var tail: UInt64 = 0
    while at < count {
      tail = tail << 8 | UInt64(name.unsafeLoad(fromByteOffset: at, as: UInt8.self))
      at += 1
    }
    state = fold(state ^ tail)
    return UInt32(truncatingIfNeeded: state ^ (state >> 32))
  }

  private static func fold(_ value: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: 0xA076_1D64_78BD_642F)
    return product.high ^ product.low ^ 0xE703_7ED1_A0B4_28DB
  }
}
