// The database tells the caches what was written, by whomever: triggers enter each key into
// `invalidation_log` and NOTIFY it at commit.
//
// Invariants: on the loop's thread. A notified key is forgotten by this process at once and deleted in
// Redis right after. While LISTEN is lost the caches are held off and the database answers. After each
// return of LISTEN, and of Redis, and before a cache is believed again, every key that was logged
// within the last two TTLs of its class is deleted: LISTEN comes first, so a commit is in the log that
// is read then, or it is notified. Deleting too much is harmless.
public import EventLoops
public import PostgresClient

public final class InvalidationFeed {
  public static let channel = "cache_invalidation"

  public struct Counters: Hashable, Sendable {
    public var notifications: UInt64 = 0
    public var losses: UInt64 = 0
  }

  public let loop: EventLoop
  public private(set) var counters = Counters()
  /// Each notified key, after the caches heard of it; for others who follow what is written.
  public var onKey: ((String) -> Void)?
  public var onListening: (() -> Void)?
  public var onLost: ((PostgresDown) -> Void)?
  public var onProblem: ((String) -> Void)?

  private let listener: PostgresListener
  private let database: PostgresPool
  private let caches: [CacheAside]
  private var queues: [PendingInvalidations]
  private var isPumping: [Bool]

  /// - Parameters:
  ///   - caches: each is told of the keys of its policies. They are held off from here until the first
  ///     LISTEN and the reading of the log, so give them before they are read.
  public init(
    loop: EventLoop, location: PostgresLocation, database: PostgresPool, caches: [CacheAside],
    options: PostgresOptions = PostgresOptions()
  ) {
    self.loop = loop
    self.database = database
    self.caches = caches
    queues = caches.map { _ in PendingInvalidations() }
    isPumping = caches.map { _ in false }
    listener = PostgresListener(
      loop: loop, location: location, channels: [InvalidationFeed.channel], options: options)
    for cache in caches {
      cache.attachFeed { policies in try await InvalidationLog.keys(of: policies, in: database) }
    }
  }

  public func start() {
    loop.preconditionInLoop()
    listener.onNotify = { [unowned self] _, payload in notified(payload) }
    listener.onListening = { [unowned self] in
      for cache in caches { cache.feedListening() }
      onListening?()
    }
    listener.onLost = { [unowned self] reason in
      counters.losses += 1
      for cache in caches { cache.feedLost() }
      onLost?(reason)
      onProblem?("LISTEN is lost, reads go to the database: \(reason)")
    }
    listener.onAttemptFailed = { [unowned self] in onProblem?("LISTEN cannot be had: \($0)") }
    listener.start()
  }

  /// The caches go on without a feed held off, so close them too.
  public func close() {
    loop.preconditionInLoop()
    listener.close()
    for cache in caches { cache.feedLost() }
  }

  public var isListening: Bool { listener.isListening }

  // MARK: - Notifications

  private func notified(_ key: String) {
    counters.notifications += 1
    for (place, cache) in caches.enumerated() where isConcerned(cache, key) {
      cache.forgetHere(key)
      queues[place].add(key: key)
      pump(place)
    }
    onKey?(key)
  }

  /// A key of no class is not cached by us, but deleting too much is harmless.
  private func isConcerned(_ cache: CacheAside, _ key: String) -> Bool {
    guard let policy = CachePolicies.policy(of: key) else { return true }
    return cache.options.policies.contains(policy)
  }

  /// Carries the feed into a task. `@unchecked Sendable`: the task starts on the loop and resumes there.
  private struct OnLoop: @unchecked Sendable {
    let feed: InvalidationFeed
  }

  /// One batch at a time and cache, so a burst of writes takes as few round trips as it can.
  private func pump(_ place: Int) {
    guard !isPumping[place] else { return }
    isPumping[place] = true
    let box = OnLoop(feed: self)
    Task.immediate(executorPreference: loop) {
      // Not before the rest of what came in one read is there too.
      await Task.yield()
      await box.feed.tell(place)
    }
  }

  private func tell(_ place: Int) async {
    while !queues[place].isEmpty {
      let taken = queues[place].take()
      if taken.everything {
        caches[place].forgetEverything()
      } else {
        _ = await caches[place].tell(Array(taken.keys))
      }
    }
    isPumping[place] = false
  }
}
