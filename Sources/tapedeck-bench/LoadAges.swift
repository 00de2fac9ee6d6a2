// How old messages are when they arrive: the wall clock at receipt minus the feed event's own `t`, which
// a simulation rebased to now (the default) stamps with the moment it is due. Server and load must be
// on one machine. What the feed was late, the age includes.
import Glibc

/// Collects ages in microseconds, of some clients together.
final class LoadAges {
  private(set) var microseconds: [Int32] = []
  var isOn = false

  init() { microseconds.reserveCapacity(1 << 20) }

  func take(_ payload: UnsafeRawBufferPointer, messagePack: Bool) {
    guard isOn, microseconds.count < 1 << 24 else { return }
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    let now = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    if messagePack { packed(payload, now) } else { text(payload, now) }
  }

  private func add(_ stamp: Int64, _ now: Int64) {
    microseconds.append(Int32(clamping: (now - stamp) / 1_000))
  }

  /// `t` as the 8-byte timestamp extension (wire contract A.6).
  private func packed(_ payload: UnsafeRawBufferPointer, _ now: Int64) {
    var offset = 0
    while let found = next(payload, &offset) {
      let word = UInt64(
        bigEndian: payload.loadUnaligned(fromByteOffset: found + 4, as: UInt64.self))
      add(Int64(word & 0x3_ffff_ffff) * 1_000_000_000 + Int64(word >> 34), now)
    }
  }

  /// The next key `t` with such a value.
  private func next(_ payload: UnsafeRawBufferPointer, _ offset: inout Int) -> Int? {
    guard let base = payload.baseAddress else { return nil }
    while offset + 12 <= payload.count,
      let hit = memchr(base + offset, 0xd7, payload.count - offset - 9)
    {
      let place = UnsafeRawPointer(hit) - base
      offset = place + 1
      if place >= 2, payload[place - 2] == 0xa1, payload[place - 1] == UInt8(ascii: "t"),
        payload[place + 1] == 0xff
      {
        return place - 2
      }
    }
    return nil
  }

  /// `"t":"2026-11-21T06:23:00.123456789Z"`, with up to nine digits of a second.
  private func text(_ payload: UnsafeRawBufferPointer, _ now: Int64) {
    var offset = 0
    while let found = LoadClient.find(#","t":"2"#, in: payload, from: offset) {
      offset = found + 6
      guard payload.count >= offset + 20 else { return }
      func number(_ place: Int, _ digits: Int) -> Int64 {
        (0..<digits).reduce(0) { $0 * 10 + Int64(payload[offset + place + $1] & 15) }
      }
      // Days since 1970 of a civil date, by the usual shift of the year to March.
      let month = number(5, 2)
      let year = number(0, 4) - (month <= 2 ? 1 : 0)
      let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + number(8, 2) - 1
      let days = 365 * year + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
      let seconds = days * 86_400 + number(11, 2) * 3_600 + number(14, 2) * 60 + number(17, 2)
      var nanoseconds: Int64 = 0
      var place = 20
      var unit: Int64 = 100_000_000
      while payload[offset + 19] == UInt8(ascii: "."), offset + place < payload.count, unit > 0,
        (48...57).contains(payload[offset + place])
      {
        nanoseconds += Int64(payload[offset + place] & 15) * unit
        unit /= 10
        place += 1
      }
      add(seconds * 1_000_000_000 + nanoseconds, now)
    }
  }

  /// The smallest, percentiles, the largest, in milliseconds.
  func report() -> String {
    let sorted = microseconds.sorted()
    guard let least = sorted.first, let most = sorted.last else { return "none" }
    func milliseconds(_ value: Int32) -> String {
      let tenths = Int((Double(value) / 10).rounded())
      return "\(Double(tenths) / 100)"
    }
    let parts = [(0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9")].map { share, name in
      "\(name) \(milliseconds(sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]))"
    }
    return "min \(milliseconds(least)) \(parts.joined(separator: " ")) max \(milliseconds(most)) ms"
      + " (\(sorted.count) messages)"
  }
}
