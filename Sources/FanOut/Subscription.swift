// One subscription record: 24 bytes, in its client's extent.
//
// An explicit record stands for (client, topic), a wildcard record for (client, group). Explicit
// records are active (in the topic's subscriber list) or passive: the client holds the group's
// wildcard, which delivers for it and moves its cursor along, so that taking the wildcard away loses
// and repeats nothing. A hidden record is passive and not acknowledged: the client unsubscribed the
// symbol but keeps the wildcard, and the record keeps what was already delivered from being repeated.
//
// A dead record is free; one that was still linked in the dirty queue is freed when it is reached.

struct Subscription: BitwiseCopyable {
  /// State: the newest number seen, 64 bits. Events: number (low half) and weight (high half) of the
  /// next entry. State wildcard: the newest position seen. Event wildcard: next position and weight.
  var cursor: UInt64
  /// Topic or, for a wildcard, group.
  var target: UInt32
  private var clientAndFlags: UInt32
  /// Active: its place in the subscriber list. Passive event record that is still dirty: the topic's
  /// weight when the wildcard took over.
  var place: UInt32 = 0
  /// The next record (relative to the client's extent) in the dirty queue or in the free list.
  var next = noIndex

  private static var clientMask: UInt32 { 0x003f_ffff }
  private static var keptBit: UInt32 { 1 << 23 }
  private static var dirtyBit: UInt32 { 1 << 24 }
  private static var passiveBit: UInt32 { 1 << 25 }
  private static var hiddenBit: UInt32 { 1 << 26 }
  private static var wildcardBit: UInt32 { 1 << 27 }
  private static var owesUnknownBit: UInt32 { 1 << 28 }
  private static var deadBit: UInt32 { 1 << 29 }

  init(client: UInt32, target: UInt32, isWildcard: Bool, depth: BookDepth, cursor: UInt64) {
    self.cursor = cursor
    self.target = target
    clientAndFlags =
      client | UInt32(depth.rawValue) << 30 | (isWildcard ? Self.wildcardBit : 0)
  }

  static var free: Subscription {
    var record = Subscription(
      client: 0, target: noIndex, isWildcard: false, depth: .full, cursor: 0)
    record.isDead = true
    return record
  }

  private func has(_ bit: UInt32) -> Bool { clientAndFlags & bit != 0 }

  private mutating func set(_ bit: UInt32, _ value: Bool) {
    clientAndFlags = value ? clientAndFlags | bit : clientAndFlags & ~bit
  }

  var client: UInt32 { clientAndFlags & Self.clientMask }
  /// In its client's dirty queue.
  var isDirty: Bool {
    get { has(Self.dirtyBit) }
    set { set(Self.dirtyBit, newValue) }
  }
  var isPassive: Bool {
    get { has(Self.passiveBit) }
    set { set(Self.passiveBit, newValue) }
  }
  var isHidden: Bool {
    get { has(Self.hiddenBit) }
    set { set(Self.hiddenBit, newValue) }
  }
  var isWildcard: Bool { has(Self.wildcardBit) }
  /// Its place is still wanted though it is hidden: its client's wildcard is not to repeat what comes
  /// before it.
  var isKept: Bool {
    get { has(Self.keptBit) }
    set { set(Self.keptBit, newValue) }
  }
  /// Its cursor was placed after events that were already gone, in unknown number.
  var owesUnknown: Bool {
    get { has(Self.owesUnknownBit) }
    set { set(Self.owesUnknownBit, newValue) }
  }
  var isDead: Bool {
    get { has(Self.deadBit) }
    set { set(Self.deadBit, newValue) }
  }
  var depth: BookDepth {
    get { BookDepth(rawValue: UInt8(clientAndFlags >> 30)).unsafelyUnwrapped }
    set { clientAndFlags = clientAndFlags & 0x3fff_ffff | UInt32(newValue.rawValue) << 30 }
  }

  /// What the hash compares: topics and groups do not mix.
  var key: UInt32 { Self.key(target, isWildcard: isWildcard) }

  static func key(_ target: UInt32, isWildcard: Bool) -> UInt32 {
    isWildcard ? target | 0x8000_0000 : target
  }
}

/// The two halves of an event cursor.
struct EventCursor {
  var number: UInt32
  var weight: UInt32

  init(number: UInt32, weight: UInt32) {
    self.number = number
    self.weight = weight
  }

  init(_ packed: UInt64) {
    number = UInt32(truncatingIfNeeded: packed)
    weight = UInt32(truncatingIfNeeded: packed >> 32)
  }

  var packed: UInt64 { UInt64(weight) << 32 | UInt64(number) }

  /// Modulo 2^32: two cursors of one client in one topic are at most a log's length apart.
  @inline(__always)
  func isAhead(of other: EventCursor) -> Bool {
    Int32(bitPattern: number &- other.number) > 0
  }

  /// The full number, which lies at most 2^32 - 1 before `head`.
  func number(before head: UInt64) -> UInt64 {
    head - UInt64(UInt32(truncatingIfNeeded: head) &- number)
  }
}
