// The values that a process keeps by itself (L1). Pure: the caller brings the time.
//
// The placeholder rule: who goes to fetch a value reserves its key first and may store what he brings
// only if the reservation still stands. An invalidation takes entry and reservations away, so one that
// overtakes the fill wins. It holds nothing while nobody would tell of invalidations (`isListening`).

struct LocalCache {
  struct Entry: Hashable {
    let envelope: CacheEnvelope
    let expiresAt: UInt64
  }

  /// A reservation.
  struct Ticket: Hashable, Sendable {
    fileprivate let number: UInt64
  }

  private struct Slot {
    let entry: Entry
    let bytes: Int
    let order: UInt64
  }

  private var slots: [String: Slot] = [:]
  private var reservations: [String: [UInt64]] = [:]
  /// Keys in the order in which they were stored; a pair whose number is not the slot's is over.
  private var order: [(key: String, order: UInt64)] = []
  private var orderHead = 0
  private var nextNumber: UInt64 = 1
  private(set) var bytes = 0
  private(set) var isListening = false
  private let entriesMax: Int
  private let bytesMax: Int

  init(entriesMax: Int, bytesMax: Int) {
    self.entriesMax = entriesMax
    self.bytesMax = bytesMax
  }

  var count: Int { slots.count }
  var reservationCount: Int { reservations.count }

  /// Every invalidation from now on arrives.
  mutating func listening() {
    dropAll()
    isListening = true
  }

  /// Invalidations are missed from now on.
  mutating func lost() {
    dropAll()
    isListening = false
  }

  mutating func find(_ key: String, now: UInt64) -> Entry? {
    guard let slot = slots[key] else { return nil }
    guard slot.entry.expiresAt > now else {
      remove(key)
      return nil
    }
    return slot.entry
  }

  /// nil while nothing may be kept.
  mutating func reserve(_ key: String) -> Ticket? {
    guard isListening else { return nil }
    nextNumber += 1
    reservations[key, default: []].append(nextNumber)
    return Ticket(number: nextNumber)
  }

  /// Gives the reservation back, and stores `entry` if it still stood. False: it did not.
  @discardableResult
  mutating func fill(_ key: String, _ ticket: Ticket, _ entry: Entry?, now: UInt64) -> Bool {
    guard var held = reservations[key], let at = held.firstIndex(of: ticket.number) else {
      return false
    }
    held.remove(at: at)
    reservations[key] = held.isEmpty ? nil : held
    guard let entry, entry.expiresAt > now else { return true }
    store(key, entry)
    return true
  }

  /// The key was written.
  mutating func drop(_ key: String) {
    reservations[key] = nil
    remove(key)
  }

  mutating func drop(where matches: (String) -> Bool) {
    for key in slots.keys.filter(matches) { remove(key) }
    for key in reservations.keys.filter(matches) { reservations[key] = nil }
  }

  mutating func dropAll() {
    slots.removeAll()
    reservations.removeAll()
    order.removeAll()
    orderHead = 0
    bytes = 0
  }

  private mutating func store(_ key: String, _ entry: Entry) {
    remove(key)
    let size = key.utf8.count + (entry.envelope.value?.count ?? 0)
    guard size <= bytesMax else { return }
    while slots.count >= entriesMax || bytes + size > bytesMax { evictOldest() }
    nextNumber += 1
    slots[key] = Slot(entry: entry, bytes: size, order: nextNumber)
    order.append((key, nextNumber))
    bytes += size
    // Pairs of removed entries pile up behind; each is looked at once more here.
    if order.count - orderHead > 2 * entriesMax { compactOrder() }
  }

  private mutating func remove(_ key: String) {
    if let slot = slots.removeValue(forKey: key) { bytes -= slot.bytes }
  }

  private mutating func evictOldest() {
    while orderHead < order.count {
      let (key, number) = order[orderHead]
      orderHead += 1
      if slots[key]?.order == number {
        remove(key)
        break
      }
    }
    if orderHead > entriesMax { compactOrder() }
  }

  private mutating func compactOrder() {
    order = order[orderHead...].filter { slots[$0.key]?.order == $0.order }
    orderHead = 0
  }
}
