// One client: 64 bytes. Its subscriptions lie in one extent of the slab, so their links are relative
// to it and survive its growth.
//
// The dirty queue is first in, first out, made of two lists: `incoming` takes new records at its
// front (marking touches only the record and this line); when `ready` is empty, `incoming` is turned
// round and becomes `ready`.

struct Client: BitwiseCopyable {
  var generation: UInt32 = 1
  /// First record; capacity is 4 << extentClass, of which `used` were ever used.
  var extent = noIndex
  var used: UInt32 = 0
  /// Freed records below `used`.
  var free = noIndex
  var ready = noIndex
  var incoming = noIndex
  /// Records in the extent that are not free: living ones, and dead ones still in the dirty queue.
  var living: UInt32 = 0
  var dead: UInt32 = 0
  /// Living records that are not acknowledged because the client unsubscribed them.
  var hidden: UInt32 = 0
  var frames: UInt32 = 0
  var conflated: UInt32 = 0
  var extentClass: UInt8 = 0
  private var flags: UInt8
  /// Wildcards among the living records; groups are at most 64.
  var wildcards: UInt16 = 0
  var messages: UInt64 = 0
  var bytes: UInt64 = 0

  init(encoding: ClientEncoding) { flags = encoding == .messagePack ? 1 : 0 }

  private func has(_ bit: UInt8) -> Bool { flags & bit != 0 }

  private mutating func set(_ bit: UInt8, _ value: Bool) {
    flags = value ? flags | bit : flags & ~bit
  }

  var encoding: ClientEncoding { has(1) ? .messagePack : .json }
  var isInUse: Bool {
    get { has(2) }
    set { set(2, newValue) }
  }
  /// The transport still has part of its last frame.
  var isBlocked: Bool {
    get { has(4) }
    set { set(4, newValue) }
  }
  /// Served when it is hurried, or by `flushClient`.
  var isHeld: Bool {
    get { has(8) }
    set { set(8, newValue) }
  }
  /// Though held, it is served until it is owed nothing: its time has come, or something urgent has.
  var isHurried: Bool {
    get { has(32) }
    set { set(32, newValue) }
  }
  /// Neither the transport nor an interval keeps it from being served.
  var isServable: Bool { !isBlocked && (!isHeld || isHurried) }
  /// In the loop's queue of clients to serve.
  var isQueued: Bool {
    get { has(16) }
    set { set(16, newValue) }
  }
  /// Living records for single topics.
  var explicit: UInt32 { living - UInt32(wildcards) }
  var hasPending: Bool { ready != noIndex || incoming != noIndex }
}
