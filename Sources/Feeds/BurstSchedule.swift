// When the events of a simulation happen: each second has exactly its number of events, spread over
// 64 slots of which an eighth are many times busier than the others, as real feeds come in bursts.
// Times do not go back. Whole microseconds: the last three digits would only make tapes larger.

struct BurstSchedule {
  private static let slots = 64
  private static let slotNanoseconds: Int64 = 1_000_000_000 / 64
  /// The seconds within which the bustle of the open falls to the steady rate.
  private static let openSeconds: Int64 = 10

  private let rate: Int64
  private let open: Int64
  private var second: Int64 = -1
  private var count: Int64 = 0
  private var index: Int64 = 0
  private var weights = InlineArray<64, Int64>(repeating: 1)
  private var weightSum: Int64 = 64
  private var slot = 0
  private var weightBefore: Int64 = 0
  /// Shifts the events of a second, so that a slow feed does not tick like a clock; 0..<weightSum.
  private var phase: Int64 = 0

  init(rate: Int, open: Int) {
    self.rate = Int64(rate)
    self.open = Int64(open)
  }

  /// The next event's distance from the start in nanoseconds, and the second it is in.
  mutating func next(_ generator: inout SeededGenerator) -> (nanoseconds: Int64, second: Int64) {
    if index == count { beginSecond(&generator) }
    // The event's place among the weights, times `count`.
    let place = index * weightSum + phase
    while place >= (weightBefore + weights[slot]) * count {
      weightBefore += weights[slot]
      slot += 1
    }
    let within =
      (place - weightBefore * count) * BurstSchedule.slotNanoseconds / (weights[slot] * count)
    index += 1
    let offset = Int64(slot) * BurstSchedule.slotNanoseconds + within
    return (second * 1_000_000_000 + offset / 1_000 * 1_000, second)
  }

  private mutating func beginSecond(_ generator: inout SeededGenerator) {
    second += 1
    let left = max(0, BurstSchedule.openSeconds - second)
    count = rate * (BurstSchedule.openSeconds + (open - 1) * left) / BurstSchedule.openSeconds
    index = 0
    slot = 0
    weightBefore = 0
    weightSum = 0
    for slot in 0..<BurstSchedule.slots {
      weights[slot] = generator.below(8) == 0 ? 25 : 1 + generator.below(4)
      weightSum += weights[slot]
    }
    phase = generator.below(weightSum)
  }
}
