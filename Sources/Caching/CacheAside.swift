// Reading through Redis with leases, single flight, values kept in the process, early refresh and a
// breaker; invalidating. The rules are in `Machines/`, pure; this owns the links and performs them.
//
// Invariants: everything runs on the loop's thread. A read that begins after an invalidation here has
// returned never joins a read that began before it. Nothing of Redis or of this process is believed
// while the gate is closed; the database answers then. A cached value is stored only by a lease that
// stood from before its row was read until the store.
public import EventLoops
public import RedisClient

public final class CacheAside {
  /// Reads the row: nil when there is none. The same key must always mean the same row.
  public typealias Load = nonisolated(nonsending) () async throws -> [UInt8]?
  typealias LoadRow = nonisolated(nonsending) () async throws -> LoadedRow

  public struct Answer: Hashable, Sendable {
    /// nil: there is no such row.
    public let value: [UInt8]?
    public let outcome: CacheOutcome
  }

  public let loop: EventLoop
  public let redis: RedisConnection
  public let options: CacheOptions
  public private(set) var statistics = CacheStatistics()

  /// The nodes to look through for a pattern: of a cluster, one connection for each shard.
  public var shards: () -> [RedisConnection]
  /// Something worth a log line, at a bounded rate: Redis went away or came back, an error it gave.
  public var onProblem: ((String) -> Void)?
  /// Once a minute, a line for each class that was read.
  public var onHitRates: (([HitRateLine]) -> Void)?

  let commands: BoundedCommands
  let subscriber: RedisSubscriber
  private let listener: CacheListener
  var local: LocalCache
  var gate = CacheGate()
  var breaker: CircuitBreaker
  var pending = PendingInvalidations()
  var flights: [String: ReadFlight] = [:]
  /// Flights that sleep until a notice or a deadline, by number.
  var sleeping: [UInt64: ReadFlight] = [:]
  var refreshing: Set<String> = []
  var isSynchronizing = false
  var synchronizeAt: UInt64 = 0
  /// Asks the log of writes for the keys that may be old; nil without a feed.
  var catchUp: CatchUp?
  private var random: any RandomNumberGenerator
  private var nextFlight: UInt64 = 0
  private var report = HitRateReport()
  private var ticker: LoopTimer?
  private var minute: LoopTimer?
  private var problemAt: UInt64?
  private(set) var isClosed = false

  /// `redis` is a connection of the cache's own, not started: the cache takes its `onReady` and
  /// `onDown`, starts and closes it.
  public init(
    loop: EventLoop, redis: RedisConnection, options: CacheOptions = CacheOptions(),
    subscriberOptions: RedisOptions = RedisOptions(),
    random: any RandomNumberGenerator = SystemRandomNumberGenerator()
  ) {
    self.loop = loop
    self.redis = redis
    self.options = options
    self.random = random
    shards = { [redis] }
    commands = BoundedCommands(redis, answerMilliseconds: options.answerMilliseconds)
    local = LocalCache(entriesMax: options.localEntriesMax, bytesMax: options.localBytesMax)
    breaker = CircuitBreaker(options)
    listener = CacheListener()
    subscriber = RedisSubscriber(
      loop: loop, url: redis.url, mode: .everywhere, options: subscriberOptions, delegate: listener)
  }

  public func start() {
    loop.preconditionInLoop()
    precondition(ticker == nil, "the cache was started before")
    ticker = LoopTimer(loop: loop) { [unowned self] in tick() }
    minute = LoopTimer(loop: loop) { [unowned self] in reportHitRates() }
    minute?.start(afterMilliseconds: 60_000, repeatingMilliseconds: 60_000)
    commands.onOutcome = { [unowned self] in counted($0) }
    commands.onBusy = { [unowned self] in startTicking() }
    redis.onReady = { [unowned self] in linkReady() }
    redis.onDown = { [unowned self] in linkLost($0) }
    listener.cache = self
    for (token, channel) in CacheListener.channels.enumerated() {
      let subscribed = subscriber.subscribe(
        Array(channel.utf8).span.bytes, token: UInt32(token))
      precondition(subscribed, "three channels are below every bound")
    }
    redis.start()
    subscriber.start()
  }

  /// Ends both links. Reads under way are answered by the database; what was not told to Redis yet is
  /// forgotten: the log of writes has it.
  public func close() {
    loop.preconditionInLoop()
    guard !isClosed else { return }
    isClosed = true
    listener.cache = nil
    subscriber.close()
    redis.close()
    gate.linkLost()
    let left = Array(sleeping.values)
    sleeping = [:]
    for flight in left { perform(.load(.bypass(.unavailable)), flight) }
    ticker?.close()
    minute?.close()
    ticker = nil
    minute = nil
  }

  /// Whether Redis is asked and believed now.
  public var isAvailable: Bool { gate.isOpen }
  public var isBreakerClosed: Bool { breaker.isClosed }
  /// Whether this process hears of every invalidation, so that it may keep values by itself.
  public var isListening: Bool { local.isListening }
  public var localCount: Int { local.count }
  public var flightCount: Int { flights.count }

  // MARK: - Reading

  /// The value of `key`, from this process, Redis or `load`. Throws what `load` throws, and
  /// CancellationError when the caller's task is cancelled; the load goes on for the others.
  public func read(
    _ key: String, _ policy: CachePolicy, load: @escaping Load
  ) async throws -> Answer {
    precondition(policy.strategy != .writeThrough, "a write-through key is read by WriteThrough")
    return try await read(key, policy) { LoadedRow(value: try await load(), version: nil) }
  }

  func read(
    _ key: String, _ policy: CachePolicy, _ load: @escaping LoadRow
  ) async throws -> Answer {
    loop.preconditionInLoop()
    let policy = policy.compressed(by: options.timeDivisor)
    if policy.usesLocal, let answer = readLocal(key, policy, load) { return answer }
    let waiter = ReadWaiter(loop: loop)
    if let flight = flights[key] {
      flight.join(waiter)
    } else {
      guard flights.count < options.flightsMax, key.utf8.count <= CachingLimits.keyBytesMax else {
        return try await readPast(policy, load)
      }
      begin(key, policy, load, waiter)
    }
    return try await waiter.value(ifCancelled: .failure(CancellationError())).get()
  }

  private func readLocal(_ key: String, _ policy: CachePolicy, _ load: @escaping LoadRow) -> Answer?
  {
    guard gate.isOpen, let entry = local.find(key, now: loop.nowMilliseconds) else { return nil }
    statistics.update(policy) { $0.count(.localHit) }
    refreshIfDue(
      key, policy, entry.envelope, remaining: entry.expiresAt - loop.nowMilliseconds, load)
    return Answer(value: entry.envelope.value, outcome: .localHit)
  }

  private func readPast(_ policy: CachePolicy, _ load: LoadRow) async throws -> Answer {
    statistics.update(policy) { $0.loads += 1 }
    let row = try await load()
    statistics.update(policy) { $0.count(.bypass(.full)) }
    return Answer(value: row.value, outcome: .bypass(.full))
  }

  private func begin(
    _ key: String, _ policy: CachePolicy, _ load: @escaping LoadRow, _ waiter: ReadWaiter
  ) {
    nextFlight += 1
    let flight = ReadFlight(key: key, policy: policy, number: nextFlight, load: load)
    flight.join(waiter)
    flights[key] = flight
    perform(flight.machine.begin(mayAsk: gate.isOpen), flight)
  }

  func perform(_ action: ReadStateMachine.Action, _ flight: ReadFlight) {
    switch action {
    case .ask: ask(flight)
    case .sleep:
      sleeping[flight.number] = flight
      startTicking()
    case .load(let how): self.load(flight, how)
    case .useValue, .nothing: break
    }
  }

  private func ask(_ flight: ReadFlight) {
    let policy = flight.policy
    let token = newToken()
    flight.token = token
    if let ticket = flight.ticket { local.fill(flight.key, ticket, nil, now: 0) }
    flight.ticket = policy.usesLocal ? local.reserve(flight.key) : nil
    flight.askedAt = loop.nowMilliseconds
    let slide = policy.isSliding ? policy.ttlMilliseconds : 0
    commands.run(
      .readOrLease, key: flight.key,
      [token, decimal(policy.leaseMilliseconds), decimal(slide)],
      late: { [unowned self] value in
        // The read has gone on without: nobody would ever end this lease.
        if case .lease = ReadReply(value) { release(flight.key, token) }
      },
      { [unowned self] result in answered(flight, result) })
  }

  private func answered(_ flight: ReadFlight, _ result: Result<RedisValue, CacheCommandError>) {
    let now = loop.nowMilliseconds
    guard case .success(let value) = result else {
      if case .failure(.redis(.server(let error))) = result, error.kind == "WRONGTYPE" {
        return malformed(flight)
      }
      return perform(flight.machine.answered(.failed, now: now), flight)
    }
    switch ReadReply(value) {
    case .lease: perform(flight.machine.answered(.lease, now: now), flight)
    case .wait: perform(flight.machine.answered(.wait, now: now), flight)
    case .value(let bytes, let remaining):
      guard let envelope = CacheEnvelope(bytes), envelope.content != .unknown else {
        return malformed(flight)
      }
      let action = flight.machine.answered(.value, now: now)
      guard case .useValue(let waited) = action else { return perform(action, flight) }
      let expiresAt = flight.askedAt + remaining
      let entry = LocalCache.Entry(envelope: envelope, expiresAt: expiresAt)
      finish(flight, .success((envelope.value, waited ? .waited : .hit)), entry)
      refreshIfDue(
        flight.key, flight.policy, envelope, remaining: expiresAt - min(now, expiresAt),
        flight.load)
    case .malformed: malformed(flight)
    }
  }

  /// What lies under the key is not ours: delete it, and ask the database.
  private func malformed(_ flight: ReadFlight) {
    statistics.update(flight.policy) { $0.malformed += 1 }
    problem("a value that is no cached value: \(flight.policy.pattern)")
    commands.run(.invalidate, key: flight.key, []) { _ in }
    perform(flight.machine.answered(.failed, now: loop.nowMilliseconds), flight)
  }

  /// Answers everybody; the flight is over.
  func finish(
    _ flight: ReadFlight, _ result: Result<(value: [UInt8]?, outcome: CacheOutcome), any Error>,
    _ entry: LocalCache.Entry?
  ) {
    if flights[flight.key] === flight { flights[flight.key] = nil }
    if let ticket = flight.ticket {
      flight.ticket = nil
      local.fill(flight.key, ticket, entry, now: loop.nowMilliseconds)
    }
    flight.answer(result) { outcome in statistics.update(flight.policy) { $0.count(outcome) } }
  }

  // MARK: - Time

  func startTicking() {
    guard let ticker, !ticker.isActive else { return }
    ticker.start(
      afterMilliseconds: options.tickMilliseconds, repeatingMilliseconds: options.tickMilliseconds)
  }

  private func tick() {
    let now = loop.nowMilliseconds
    commands.tick(now: now)
    for flight in sleeping.values.filter({ $0.machine.deadline.map { $0 <= now } ?? true }) {
      sleeping[flight.number] = nil
      perform(flight.machine.ticked(now: now), flight)
    }
    probeIfDue(now: now)
    synchronizeIfWanted()
    let idle =
      sleeping.isEmpty && !commands.isBusy && breaker.isClosed && !gate.wantsSynchronizing
    if idle { ticker?.stop() }
  }

  private func reportHitRates() {
    let lines = report.lines(statistics)
    if !lines.isEmpty { onHitRates?(lines) }
  }

  // MARK: - Parts

  func update(_ body: (inout CacheStatistics) -> Void) { body(&statistics) }

  func newToken() -> [UInt8] {
    Array("\(String(random.next(), radix: 16)).\(String(random.next(), radix: 16))".utf8)
  }

  func uniform() -> Double { EarlyRefresh.uniform(&random) }

  func decimal(_ number: UInt64) -> [UInt8] { Array(String(number).utf8) }

  /// At most one a second.
  func problem(_ text: @autoclosure () -> String) {
    let now = loop.nowMilliseconds
    if let problemAt, now < problemAt + 1_000 { return }
    problemAt = now
    onProblem?(text())
  }
}

/// What a load brought.
struct LoadedRow: Sendable {
  let value: [UInt8]?
  /// Of a write-through value; nil for the others and where there is no row at all.
  let version: Int64?
}

/// What `readOrLease` answered.
enum ReadReply: Equatable {
  case value([UInt8], remainingMilliseconds: UInt64)
  case lease
  case wait
  case malformed

  init(_ reply: RedisValue) {
    guard let parts = reply.array, let kind = parts.first?.integer else {
      self = .malformed
      return
    }
    switch (kind, parts.count) {
    case (1, 3):
      // Without a TTL it is none of ours.
      if let bytes = parts[1].bytes, let left = parts[2].integer, left >= 0 {
        self = .value(bytes, remainingMilliseconds: UInt64(left))
      } else {
        self = .malformed
      }
    case (2, 1): self = .lease
    case (3, 1): self = .wait
    default: self = .malformed
    }
  }
}
