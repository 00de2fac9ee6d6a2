import MarketData
import TestSupport
import Testing

@testable import Gateway

/// A link between ingester and gateway that loses, repeats, delays and reorders, by seed, and now
/// and then breaks so that the gateway joins anew.
private struct HostileRun {
  var random: SplitMix64
  let carriesEvents: Bool
  var topic: TopicState
  /// What the ingester has published, oldest first, and what the key holds.
  var published: [MessageHeader] = []
  var key: MessageHeader?
  var inFlight: [MessageHeader] = []
  var pendingRead: (value: MessageHeader?, generation: UInt32)?
  var joined = false
  /// What clients got: a header, or nil for a gap.
  var seen: [MessageHeader?] = []
  var epoch: UInt64 = 1
  var number: UInt64 = 0
  var previous = SequenceNumber.zero

  init(seed: UInt64, carriesEvents: Bool) {
    random = SplitMix64(seed: seed)
    self.carriesEvents = carriesEvents
    topic = TopicState(carriesEvents: carriesEvents)
  }

  func chance(_ percent: UInt64, _ random: inout SplitMix64) -> Bool {
    random.next() % 100 < percent
  }

  mutating func publish() {
    if chance(3, &random) {  // the tape loops: new numbers
      epoch += 1
      number = 0
    }
    number += 1 + random.next() % 3
    let header = MessageHeader(
      sequence: SequenceNumber(epoch: epoch, number: number),
      previous: carriesEvents ? previous : nil, kind: carriesEvents ? .trade : .quote)
    previous = header.sequence
    published.append(header)
    key = header
    guard joined, !chance(10, &random) else { return }  // lost
    inFlight.append(header)
    if chance(10, &random) { inFlight.append(header) }  // repeated
  }

  mutating func deliver() {
    guard !inFlight.isEmpty else { return }
    let index = chance(20, &random) ? Int(random.next() % UInt64(inFlight.count)) : 0
    take(topic.receive(inFlight[index]), inFlight[index])
    inFlight.remove(at: index)
  }

  mutating func joinAnew() {
    inFlight.removeAll()
    topic.linkLost()
    joined = false
  }

  mutating func acknowledge() {
    guard !joined else { return }
    joined = true
    pendingRead = (key, topic.subscribed())
  }

  mutating func read() {
    guard let (value, generation) = pendingRead else { return }
    pendingRead = nil
    let verdict = topic.read(value, generation: generation, feedIsLive: true)
    if let value { take(verdict, value) }
  }

  mutating func take(_ verdict: TopicState.Verdict, _ header: MessageHeader) {
    switch verdict {
    case .drop, .announceStale, .withdrawNotice: break
    case .deliver: seen.append(header)
    case .deliverAfterGap:
      seen.append(nil)
      seen.append(header)
    }
  }

  mutating func run(steps: Int) {
    for _ in 0..<steps {
      switch random.next() % 10 {
      case 0...3: publish()
      case 4...7: deliver()
      case 8: if chance(15, &random) { joinAnew() } else { acknowledge() }
      default: read()
      }
    }
  }
}

@Suite struct JoiningPropertyTests {
  @Test(arguments: seeds(count: 400))
  func noEventIsRepeatedNothingGoesBackEveryLossIsAnnounced(seed: UInt64) {
    var run = HostileRun(seed: seed, carriesEvents: true)
    run.run(steps: 500)
    var last: SequenceNumber?
    var announced = false
    for item in run.seen {
      guard let item else {
        announced = true
        continue
      }
      if let last {
        #expect(item.sequence > last, "seed \(seed)")
        let between = run.published.filter { $0.sequence > last && $0.sequence < item.sequence }
        #expect(between.isEmpty || announced, "seed \(seed): \(between.count) lost unannounced")
      }
      last = item.sequence
      announced = false
    }
  }

  @Test(arguments: seeds(count: 400))
  func aStateNeverGoesBackAndEndsAtTheNewestRead(seed: UInt64) {
    var run = HostileRun(seed: seed, carriesEvents: false)
    run.run(steps: 500)
    run.joinAnew()
    run.acknowledge()
    run.read()
    let sequences = run.seen.compactMap { $0?.sequence }
    for (earlier, later) in zip(sequences, sequences.dropFirst()) {
      #expect(earlier < later, "seed \(seed)")
    }
    #expect(sequences.last == run.key?.sequence, "seed \(seed)")
  }
}
