import TestSupport
import Testing

@testable import Gateway

@Suite struct DrainScheduleTests {
  private func schedule(
    _ clients: Int, _ milliseconds: UInt64, seed: UInt64 = 1
  ) -> DrainSchedule {
    var random = SplitMix64(seed: seed)
    return DrainSchedule(
      clients: clients, drainMilliseconds: milliseconds, reconnectsPerSecondMax: 1_000,
      random: &random)
  }

  @Test(arguments: [(1, 1_000), (3, 10), (200, 2_000), (10_000, 10_000), (65_536, 8_000)])
  func closesAreSpreadEvenly(clients: Int, milliseconds: UInt64) {
    let schedule = schedule(clients, milliseconds)
    let times = (0..<clients).map { schedule.closeAt($0) }
    #expect(times == times.sorted())
    #expect(times.last! < milliseconds)
    // Each in its own share of the time, so that no part of it has more than its part of them.
    for (place, time) in times.enumerated() {
      let share = UInt64(place) * milliseconds / UInt64(clients)
      #expect(time >= share && time <= share + milliseconds / UInt64(clients) + 1)
    }
  }

  @Test func returnsAreTheClosesWhenThereIsTimeEnough() {
    let schedule = schedule(5_000, 8_000)
    #expect((0..<5_000).allSatisfy { schedule.returnAt($0) == schedule.closeAt($0) })
  }

  @Test(arguments: [0, 500, 8_000] as [UInt64])
  func tooManyForTheDrainComeBackNoFasterThanAServerTakesThem(milliseconds: UInt64) {
    let schedule = schedule(20_000, milliseconds)
    var bySecond: [UInt64: Int] = [:]
    for place in 0..<20_000 {
      #expect(schedule.returnAt(place) >= schedule.closeAt(place))
      bySecond[schedule.returnAt(place) / 1_000, default: 0] += 1
    }
    #expect(bySecond.count == 20)
    #expect(bySecond.values.allSatisfy { (990...1_010).contains($0) })
    if milliseconds == 0 { #expect((0..<20_000).allSatisfy { schedule.closeAt($0) == 0 }) }
  }

  @Test func twoServersThatStopTogetherDoNotDrawTheSame() {
    let one = schedule(100, 10_000, seed: 1)
    let other = schedule(100, 10_000, seed: 2)
    #expect((0..<100).count { one.closeAt($0) != other.closeAt($0) } > 80)
  }

  @Test func nobodyIsNoTrouble() { _ = schedule(0, 8_000) }
}
