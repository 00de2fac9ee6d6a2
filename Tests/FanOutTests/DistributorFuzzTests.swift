// A failure names its seed and step; the steps are in `FuzzRun`.

import TestSupport
import Testing

@testable import FanOut

@Suite struct DistributorFuzzTests {
  private func run(_ seeds: Range<UInt64>, _ shape: FuzzRun.Shape) {
    for seed in seeds {
      if let failure = FuzzRun(seed: seed, shape).run() {
        Issue.record("seed \(seed): \(failure)")
        return
      }
    }
  }

  @Test func explicitSubscriptionsKeepThePromises() {
    var shape = FuzzRun.Shape()
    shape.usesWildcards = false
    run(0..<60, shape)
  }

  @Test func wildcardsBesideExplicitSubscriptionsKeepThePromises() {
    run(1_000..<1_100, FuzzRun.Shape())
  }

  @Test func choicesKeepThePromises() {
    var shape = FuzzRun.Shape()
    shape.usesChoices = true
    shape.topics = 10
    run(4_000..<4_080, shape)
    shape.topics = 4
    shape.clients = 2
    shape.logMax = 4
    shape.steps = 800
    run(5_000..<5_060, shape)
  }

  @Test func fewTopicsAndSmallLogsKeepThePromises() {
    var shape = FuzzRun.Shape()
    shape.topics = 3
    shape.clients = 2
    shape.logMax = 4
    shape.frameBytesMax = 90
    shape.frameBytesHardMax = 130
    shape.steps = 800
    run(2_000..<2_060, shape)
  }

  @Test func aFullArenaLosesOnlyWhatItTells() {
    var shape = FuzzRun.Shape()
    shape.arenaBytesMax = 512 << 10
    shape.lengthMax = 30_000
    // The model cannot know what the arena made lost, so nulls would tell it nothing.
    shape.usesUnknownGaps = false
    shape.givesUpWildcards = false
    shape.topics = 20
    shape.frameBytesMax = 16_384
    shape.frameBytesHardMax = 65_536
    run(3_000..<3_006, shape)
  }
}
