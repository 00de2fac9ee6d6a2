// (client, topic or group) -> record, so that a client that repeats its 6,000 subscriptions costs
// 6,000 look-ups. Open addressing over record numbers + 1 (0: empty), linear probing, at most half
// full, removal by shifting back; the keys are in the records themselves.

struct SubscriptionIndex: ~Copyable {
  private var buckets = FlatArray<UInt32>()
  private var shift: UInt64 = 64 - 4
  private(set) var count = 0

  init() { buckets.extend(to: 16, with: 0) }

  var bytesReserved: Int { buckets.bytesReserved }
  private var mask: Int { buckets.count - 1 }

  @inline(__always)
  private func home(_ client: UInt32, _ key: UInt32) -> Int {
    // Two rounds of multiply and shift: clients and topics are small dense numbers.
    var mixed = (UInt64(client) << 32 | UInt64(key)) &* 0x9e37_79b9_7f4a_7c15
    mixed = (mixed ^ (mixed >> 32)) &* 0xd6e8_feb8_6659_fd93
    return Int(truncatingIfNeeded: mixed >> shift)
  }

  private func home(of record: Subscription) -> Int { home(record.client, record.key) }

  /// The record's number, or `noIndex`.
  func find(_ client: UInt32, _ key: UInt32, in records: borrowing ExtentSlab<Subscription>)
    -> UInt32
  {
    var bucket = home(client, key)
    while true {
      let entry = buckets[bucket]
      if entry == 0 { return noIndex }
      let record = records[entry - 1]
      if record.client == client && record.key == key { return entry - 1 }
      bucket = (bucket + 1) & mask
    }
  }

  /// Adds a record whose key is not there yet.
  mutating func insert(_ number: UInt32, in records: borrowing ExtentSlab<Subscription>) {
    if (count + 1) * 2 > buckets.count { grow(records) }
    place(number, home(of: records[number]))
    count += 1
  }

  private mutating func place(_ number: UInt32, _ home: Int) {
    var bucket = home
    while buckets[bucket] != 0 { bucket = (bucket + 1) & mask }
    buckets[bucket] = number + 1
  }

  private mutating func grow(_ records: borrowing ExtentSlab<Subscription>) {
    var old = FlatArray<UInt32>(minimumCapacity: buckets.count * 2)
    old.extend(to: buckets.count * 2, with: 0)
    swap(&old, &buckets)
    shift -= 1
    for bucket in 0..<old.count where old[bucket] != 0 {
      place(old[bucket] - 1, home(of: records[old[bucket] - 1]))
    }
  }

  private func bucket(of number: UInt32, _ home: Int) -> Int {
    var bucket = home
    while buckets[bucket] != number + 1 {
      precondition(buckets[bucket] != 0, "the record is not in the index")
      bucket = (bucket + 1) & mask
    }
    return bucket
  }

  /// The record moved from `old` to `new`, where it can be read.
  mutating func move(
    _ old: UInt32, to new: UInt32, in records: borrowing ExtentSlab<Subscription>
  ) {
    buckets[bucket(of: old, home(of: records[new]))] = new + 1
  }

  /// Takes out a record that can still be read.
  mutating func remove(_ number: UInt32, in records: borrowing ExtentSlab<Subscription>) {
    var hole = bucket(of: number, home(of: records[number]))
    var probe = hole
    while true {
      probe = (probe + 1) & mask
      let entry = buckets[probe]
      if entry == 0 { break }
      // The entry may fill the hole unless its home lies cyclically in (hole, probe].
      let distanceFromHome = (probe - home(of: records[entry - 1])) & mask
      if distanceFromHome >= (probe - hole) & mask {
        buckets[hole] = entry
        hole = probe
      }
    }
    buckets[hole] = 0
    count -= 1
  }
}
