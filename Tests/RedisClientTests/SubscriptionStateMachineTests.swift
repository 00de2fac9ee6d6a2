import TestSupport
import Testing

@testable import RedisClient

/// The machine together with a Redis that holds its channels and acknowledges in order.
private final class Wire {
  var machine: SubscriptionStateMachine
  /// Commands under way: is it a subscription, and of what.
  var sent: [(isSubscribe: Bool, channel: String)] = []
  var serverHas: Swift.Set<String> = []
  var now: UInt64 = 0
  /// Tokens that were told of an acknowledgement since their subscription or the last reconnect.
  var told: Swift.Set<UInt32> = []
  var inFlightMax = 0

  init(inFlightMax: Int = 5_000) {
    machine = SubscriptionStateMachine(options: RedisOptions(), inFlightMax: inFlightMax)
  }

  func subscribe(_ channel: String, _ token: UInt32) {
    told.remove(token)
    let isAccepted = machine.subscribe(Array(channel.utf8).span.bytes, token: token)
    #expect(isAccepted)
  }

  func unsubscribe(_ token: UInt32) {
    told.remove(token)
    machine.unsubscribe(token: token, now: now)
  }

  func pump() {
    while let command = machine.nextCommand() {
      switch command {
      case .subscribe(let entry): sent.append((true, name(entry)))
      case .unsubscribe(let entry): sent.append((false, name(entry)))
      }
    }
    for token in machine.takeResumed() { told.insert(token) }
    inFlightMax = max(inFlightMax, sent.count)
    let inFlight = machine.inFlightCount
    #expect(inFlight == sent.count)
  }

  /// Redis executes and acknowledges the oldest command.
  func acknowledge() {
    guard !sent.isEmpty else { return }
    let (isSubscribe, channel) = sent.removeFirst()
    let bytes = Array(channel.utf8)
    let news: SubscriptionStateMachine.News
    if isSubscribe {
      serverHas.insert(channel)
      news = machine.acknowledgedSubscribe(bytes.span.bytes, now: now)
    } else {
      serverHas.remove(channel)
      news = machine.acknowledgedUnsubscribe(bytes.span.bytes, now: now)
    }
    note(news)
  }

  func refuse() {
    guard !sent.isEmpty else { return }
    sent.removeFirst()
    note(machine.refused(now: now))
  }

  func revoke(_ channel: String) {
    serverHas.remove(channel)
    note(machine.acknowledgedUnsubscribe(Array(channel.utf8).span.bytes, now: now))
  }

  func linkDown() {
    machine.linkDown()
    sent = []
    serverHas = []
    told = []
  }

  private func note(_ news: SubscriptionStateMachine.News) {
    switch news {
    case .nothing: break
    case .subscribed(let token): told.insert(token)
    case .revoked(let token), .refused(let token): told.remove(token)
    case .violation(let reason): Issue.record("\(reason)")
    }
  }

  /// Until nothing is under way and nothing waits.
  func settle() {
    for _ in 0..<5_000 {
      pump()
      while !sent.isEmpty { acknowledge() }
      guard machine.hasTimers || machine.wantsToSend else { return }
      now += 500
      machine.timersFired(now: now)
    }
    Issue.record("it never settles")
  }

  var channelCount: Int { machine.channelCount }

  private func name(_ entry: Int) -> String {
    machine.withChannel(of: entry) { bytes in
      bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
  }
}

@Suite struct SubscriptionStateMachineTests {
  @Test func nothingIsSentBeforeTheLinkIsUp() {
    let wire = Wire()
    wire.subscribe("a", 1)
    wire.pump()
    #expect(wire.sent.isEmpty)
    wire.machine.linkUp()
    wire.pump()
    #expect(wire.sent.count == 1 && wire.told.isEmpty)
    wire.acknowledge()
    #expect(wire.told == [1])
  }

  @Test func windowBoundsWhatIsUnacknowledged() {
    let wire = Wire(inFlightMax: 10)
    wire.machine.linkUp()
    for token: UInt32 in 0..<25 { wire.subscribe("c\(token)", token) }
    wire.pump()
    #expect(wire.sent.count == 10)
    wire.acknowledge()
    wire.pump()
    #expect(wire.sent.count == 10)
    wire.settle()
    #expect(wire.told.count == 25 && wire.inFlightMax == 10)
  }

  @Test func unsubscribeWaitsAndLeavesOnce() {
    let wire = Wire()
    wire.machine.linkUp()
    wire.subscribe("a", 1)
    wire.settle()
    wire.unsubscribe(1)
    let token = wire.machine.token(ofChannel: Array("a".utf8).span.bytes)
    #expect(token == nil)
    wire.now += 4_999
    wire.machine.timersFired(now: wire.now)
    wire.pump()
    #expect(wire.sent.isEmpty)
    wire.now += 1
    wire.machine.timersFired(now: wire.now)
    wire.pump()
    #expect(wire.sent.map(\.isSubscribe) == [false])
    wire.acknowledge()
    #expect(wire.channelCount == 0 && wire.serverHas.isEmpty)
  }

  @Test func resubscribingInTimeSendsNothingAndIsAcknowledged() {
    let wire = Wire()
    wire.machine.linkUp()
    wire.subscribe("a", 1)
    wire.settle()
    for round: UInt32 in 0..<1_000 {
      wire.unsubscribe(round + 1)
      wire.now += 10
      wire.subscribe("a", round + 2)
      wire.pump()
      #expect(wire.told == [round + 2])
      wire.machine.timersFired(now: wire.now)
    }
    #expect(wire.sent.isEmpty && wire.channelCount == 1)
  }

  @Test func wantedAgainWhileLeavingIsSubscribedAnew() {
    let wire = Wire()
    wire.machine.linkUp()
    wire.subscribe("a", 1)
    wire.settle()
    wire.unsubscribe(1)
    wire.now += 5_000
    wire.machine.timersFired(now: wire.now)
    wire.pump()
    wire.subscribe("a", 2)
    wire.pump()
    #expect(wire.told.isEmpty)
    wire.settle()
    #expect(wire.told == [2] && wire.serverHas == ["a"])
  }

  @Test func refusedChannelIsAskedAgainLater() {
    let wire = Wire()
    wire.machine.linkUp()
    wire.subscribe("a", 1)
    wire.subscribe("b", 2)
    wire.pump()
    wire.refuse()
    wire.acknowledge()
    #expect(wire.told == [2])
    wire.pump()
    #expect(wire.sent.isEmpty)
    wire.now += 1_000
    wire.machine.timersFired(now: wire.now)
    wire.settle()
    #expect(wire.told == [1, 2])
  }

  @Test func revokedChannelIsToldAndAskedAgain() {
    let wire = Wire()
    wire.machine.linkUp()
    wire.subscribe("a", 1)
    wire.settle()
    wire.revoke("a")
    #expect(wire.told.isEmpty)
    wire.settle()
    #expect(wire.told == [1] && wire.serverHas == ["a"])
  }

  @Test func acknowledgementThatWasNotAskedForIsAViolation() {
    var machine = SubscriptionStateMachine(options: RedisOptions())
    machine.linkUp()
    guard case .violation = machine.acknowledgedSubscribe(Array("x".utf8).span.bytes, now: 0),
      case .violation = machine.refused(now: 0)
    else {
      Issue.record("accepted")
      return
    }
  }

  /// Goal: whatever the owner, Redis and the link do, in the end Redis has exactly the channels that
  /// are wanted and each wanted token was told. Method: random steps against a dictionary.
  @Test(arguments: seeds(count: 60)) func endsWithExactlyWhatIsWanted(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let wire = Wire(inFlightMax: 7)
    var wanted: [UInt32: String] = [:]
    var isUp = false
    for _ in 0..<3_000 {
      let channel = "c\(Int.random(in: 0..<40, using: &random))"
      let token = UInt32.random(in: 0..<60, using: &random)
      switch Int.random(in: 0..<20, using: &random) {
      case 0..<6:
        if wanted[token] == nil, !wanted.values.contains(channel) {
          wanted[token] = channel
          wire.subscribe(channel, token)
        }
      case 6..<11:
        wanted[token] = nil
        wire.unsubscribe(token)
      case 11..<15: wire.acknowledge()
      case 15: wire.pump()
      case 16: if Int.random(in: 0..<4, using: &random) == 0 { wire.refuse() }
      case 17:
        wire.now += UInt64.random(in: 0..<3_000, using: &random)
        wire.machine.timersFired(now: wire.now)
      case 18:
        // Only what Redis has and is not asked to end can be revoked.
        if let victim = wire.serverHas.sorted().randomElement(using: &random),
          !wire.sent.contains(where: { $0.channel == victim })
        {
          wire.revoke(victim)
        }
      default:
        guard Int.random(in: 0..<10, using: &random) == 0 else { break }
        if isUp { wire.linkDown() } else { wire.machine.linkUp() }
        isUp.toggle()
      }
      if Bool.random(using: &random) { wire.pump() }
    }
    if !isUp { wire.machine.linkUp() }
    wire.settle()
    #expect(wire.serverHas == Swift.Set(wanted.values), "seed \(seed)")
    #expect(wire.told == Swift.Set(wanted.keys), "seed \(seed)")
    #expect(wire.channelCount == wanted.count, "seed \(seed)")
    #expect(wire.inFlightMax <= 7, "seed \(seed)")
  }
}
