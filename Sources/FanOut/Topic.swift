// One topic as plain values: the part that every delivery touches, and the rest beside it.
//
// Entries of a topic are numbered from 0; those in the ring are [head - count, head). A ring lies in
// one arena slot, entry n at position n & (capacity - 1): a header of 16 bytes and a cell of 8 bytes
// for each variant the topic can have.
//
// Every entry has a weight, how many events it stands for: an event 1, a notice 0, a gap the number
// it announces (an unknown one 1). `weight` is the sum over all entries ever; as each entry and each
// cursor remembers the sum before it, what a cursor missed is one subtraction (modulo 2^32), however
// much the ring has forgotten.

/// A list of subscription records (by index) in an extent.
struct SubscriberList: BitwiseCopyable {
  var extent = noIndex
  var count: UInt32 = 0
  var sizeClass: UInt8 = 0
}

struct Topic: BitwiseCopyable {
  var head: UInt64 = 0
  var ring = Slot.none
  var count: UInt32 = 0
  /// Positions of the ring: a power of two, or 0 before the first message.
  var capacity: UInt32 = 0
  var weight: UInt32 = 0
  var subscribers = SubscriberList()
  var group = noIndex
  var isInUse = false
  var isEvents = false
  /// A message came since the last flush: its subscribers are still to be marked.
  var isTouched = false
  /// And held clients are not to wait for it.
  var isUrgent = false
  /// 2 (JSON, MessagePack) or 6 (and the two cuts of each).
  var variants: UInt8 = 2

  var oldest: UInt64 { head - UInt64(count) }
  var entryBytes: Int { 16 + 8 * Int(variants) }

  /// The entry's offset in the ring's slot.
  @inline(__always)
  func offset(of sequence: UInt64) -> Int {
    Int(truncatingIfNeeded: sequence & UInt64(capacity &- 1)) * entryBytes
  }

  @inline(__always)
  func cellOffset(of sequence: UInt64, _ variant: Int) -> Int {
    precondition(variant < Int(variants), "the topic has no such variant")
    return offset(of: sequence) + 16 + 8 * variant
  }
}

struct TopicDetail: BitwiseCopyable {
  var generation: UInt32 = 0
  var ringMax: UInt32 = 1
  /// Neighbours among its group's topics that have a value, oldest first (state groups).
  var previous = noIndex
  var next = noIndex
  /// Position + 1 in the group's order of its newest message; 0 before the first.
  var newestPosition: UInt64 = 0
  /// The same of the newest event or gap that left the ring.
  var evictedPosition: UInt64 = 0
  /// Sequence + 1 of the newest unknown gap that left the ring; 0 if there was none.
  var evictedUnknown: UInt64 = 0
  /// Symbol and channel for gap messages (an arena slot would cost a look-up for 66 bytes).
  var label: TopicLabel
}

enum EntryKind: UInt32 {
  case message = 0
  case notice = 1
  case gap = 2
  case unknownGap = 3
}

struct EntryHeader: BitwiseCopyable {
  /// The topic's weight before this entry.
  var weightBefore: UInt32
  var kind: UInt32
  /// Position + 1 in the group's order; 0 without a group.
  var position: UInt64
}

/// Where a variant's bytes are. `.none` and length 0: not derived yet; and `failed`: it cannot be.
struct Cell: BitwiseCopyable {
  var slot = Slot.none
  var length: UInt32 = 0
  static var failed: UInt32 { UInt32.max }
}
