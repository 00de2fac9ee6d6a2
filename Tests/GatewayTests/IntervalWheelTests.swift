import FanOut
import TestSupport
import Testing

@testable import Gateway

@Suite struct IntervalWheelTests {
  private func clients(_ count: Int) -> [ClientHandle] {
    let distributor = Distributor()
    return (0..<count).map { _ in distributor.addClient(encoding: .json)! }
  }

  /// Against a list that is searched: at random times clients come, change and go.
  @Test(arguments: seeds(from: 1, count: 40))
  func everyClientIsDueOnceAndNotBeforeItsTime(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let all = clients(50)
    var now = random.next() % 1_000_000
    var wheel = IntervalWheel(nowMilliseconds: now)
    var model: [ClientHandle: UInt64] = [:]
    for _ in 0..<2_000 {
      let client = all[Int(random.next() % 50)]
      switch random.next() % 4 {
      case 0, 1:
        let due = now + 1 + random.next() % (random.next() % 2 == 0 ? 40 : 75_000)
        wheel.add(client, dueMilliseconds: due, nowMilliseconds: now)
        model[client] = due
      case 2:
        wheel.remove(client)
        model[client] = nil
      default:
        now += random.next() % (random.next() % 8 == 0 ? 75_000 : 60)
        while let (client, due) = wheel.takeDue(nowMilliseconds: now) {
          #expect(model[client] == due && due <= now, "seed \(seed)")
          model[client] = nil
        }
        let tick = GatewayLimits.intervalTickMilliseconds
        #expect(model.values.allSatisfy { $0 + tick > now }, "seed \(seed): overdue")
      }
      #expect(wheel.count == model.count, "seed \(seed)")
      let next = wheel.nextMilliseconds
      #expect((next == nil) == model.isEmpty, "seed \(seed)")
      if let next, let first = model.values.min() {
        #expect(
          next >= first && next < first + 2 * GatewayLimits.intervalTickMilliseconds
            || first <= now, "seed \(seed): \(next), \(first)")
      }
    }
  }

  @Test func aLoopThatStoodStillForAnHourTrapsNothing() {
    let all = clients(2)
    var wheel = IntervalWheel(nowMilliseconds: 1_000)
    wheel.add(all[0], dueMilliseconds: 1_100, nowMilliseconds: 1_000)
    wheel.add(all[1], dueMilliseconds: 3_660_000, nowMilliseconds: 3_600_000)
    #expect(wheel.takeDue(nowMilliseconds: 3_600_001)?.0 == all[0])
    #expect(wheel.count == 1 || wheel.takeDue(nowMilliseconds: 3_600_001) == nil)
  }

  @Test func aWheelThatWasEmptyForAnHourCountsFromNow() {
    var wheel = IntervalWheel(nowMilliseconds: 1_000)
    wheel.add(clients(1)[0], dueMilliseconds: 3_660_000, nowMilliseconds: 3_600_000)
    #expect(wheel.nextMilliseconds == 3_660_000)
  }
}
