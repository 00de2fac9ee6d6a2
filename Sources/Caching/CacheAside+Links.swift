// The two links and the feed of writes: what is lost with them, and how it is made good.
import EventLoops
import RedisClient

extension CacheAside {
  /// The keys of the log of writes that may be old in Redis, newest losses included; nil: too many to
  /// name, everything is to go.
  typealias CatchUp = nonisolated(nonsending) ([CachePolicy]) async throws -> [String]?

  func linkReady() {
    gate.linkReady()
    // Before any of them is used: a script that has to be sent again by its text arrives after what
    // was asked behind it, and a reader would find the lease where the value was to be.
    for script in CacheScript.all { redis.send(Redis.ScriptLoad(script.text)) { _ in } }
    breaker.linkReady(now: loop.nowMilliseconds)
    startTicking()
    probeIfDue(now: loop.nowMilliseconds)
    synchronizeIfWanted()
  }

  func linkLost(_ reason: RedisLinkDown) {
    gate.linkLost()
    local.dropAll()
    if breaker.tripped(now: loop.nowMilliseconds) { breakerOpened("\(reason)") }
  }

  /// The outcome of each command; nil: answered.
  func counted(_ error: CacheCommandError?) {
    guard let error else { return breaker.succeeded() }
    guard error.meansAway else {
      update { $0.redisErrors += 1 }
      breaker.succeeded()
      return problem("Redis refused: \(error)")
    }
    update { $0.unanswered += 1 }
    if breaker.failed(now: loop.nowMilliseconds) { breakerOpened("\(error)") }
  }

  private func breakerOpened(_ reason: String) {
    gate.breakerOpened()
    local.dropAll()
    update { $0.breakerOpenings += 1 }
    problem("Redis is left alone, reads go to the database: \(reason)")
    startTicking()
  }

  func probeIfDue(now: UInt64) {
    guard !isClosed, breaker.takeProbe(now: now) else { return }
    commands.send(Redis.Ping()) { [self] result in
      let answered = (try? result.get()) != nil
      guard breaker.probed(answered: answered, now: loop.nowMilliseconds) else { return }
      gate.breakerClosed()
      synchronizeIfWanted()
    }
  }

  // MARK: - The feed of writes

  func attachFeed(_ catchUp: @escaping CatchUp) {
    self.catchUp = catchUp
    gate.feedAttached()
    local.dropAll()
  }

  /// Notifications of the database may be missed from now on.
  func feedLost() {
    gate.feedLost()
    local.dropAll()
  }

  /// None is missed from now on.
  func feedListening() {
    gate.feedListening()
    startTicking()
    synchronizeIfWanted()
  }

  /// `@unchecked Sendable`: the task that it is handed to starts on the loop and resumes there.
  private struct Synchronizing: @unchecked Sendable {
    let cache: CacheAside
  }

  func synchronizeIfWanted() {
    guard !isClosed, gate.wantsSynchronizing, !isSynchronizing,
      loop.nowMilliseconds >= synchronizeAt
    else { return }
    isSynchronizing = true
    let box = Synchronizing(cache: self)
    let epoch = gate.epoch
    Task.immediate(executorPreference: loop) {
      let complete = await box.cache.synchronize()
      box.cache.synchronized(complete ? epoch : nil)
    }
  }

  private func synchronized(_ epoch: UInt64?) {
    isSynchronizing = false
    local.dropAll()
    if let epoch {
      gate.synchronized(epoch)
      update { $0.synchronizations += 1 }
    }
    // Not done, or lost again meanwhile: once more, by the tick.
    synchronizeAt = loop.nowMilliseconds + options.synchronizeRetryMilliseconds
    startTicking()
  }

  /// Tells Redis everything that it was not told, or may not have been. False: not all of it; what
  /// failed is pending again.
  private func synchronize() async -> Bool {
    var wanted = pending.take()
    do {
      if let catchUp {
        if let keys = try await catchUp(options.policies) {
          for key in keys { wanted.add(key: key) }
        } else {
          wanted.addEverything()
        }
      }
    } catch {
      pending.add(wanted)
      problem("the log of writes cannot be read, reads go to the database: \(error)")
      return false
    }
    let patterns = wanted.everything ? options.policies.map(\.glob) : Array(wanted.patterns)
    var complete = await tell(Array(wanted.keys))
    for pattern in patterns where complete {
      complete = await deleteMatching(pattern) != nil
    }
    guard complete else {
      pending.add(wanted)
      return false
    }
    update { $0.invalidationsDelayed += UInt64(wanted.keys.count) }
    return true
  }
}

extension CachePolicy {
  /// The pattern for SCAN.
  var glob: String {
    var text = ""
    var depth = 0
    for character in pattern {
      if character == "{" {
        depth += 1
        text.append("*")
      } else if character == "}" {
        depth -= 1
      } else if depth == 0 {
        text.append(character)
      }
    }
    return text
  }
}

/// Hears what other processes have written and filled.
final class CacheListener: RedisSubscriberDelegate {
  static let channels = [
    CacheChannel.invalidate, CacheChannel.invalidatePattern, CacheChannel.filled,
  ]

  /// nil before the start and after the end.
  weak var cache: CacheAside?
  private var acknowledged: Set<UInt32> = []

  func redisLinkUp() {}
  func redisAttemptFailed(_ reason: RedisLinkDown) {}
  func redisLinkDown(_ reason: RedisLinkDown) { lost() }
  func redisRefused(_ token: UInt32, _ error: RedisServerError) { lost(token) }
  func redisRevoked(_ token: UInt32) { lost(token) }

  func redisSubscribed(_ token: UInt32) {
    let wasComplete = acknowledged.count == CacheListener.channels.count
    acknowledged.insert(token)
    let isComplete = acknowledged.count == CacheListener.channels.count
    if isComplete, !wasComplete { cache?.local.listening() }
  }

  func redisMessage(_ token: UInt32, _ payload: RawSpan) {
    let text = payload.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    switch CacheListener.channels[Int(token)] {
    case CacheChannel.invalidate: cache?.heardInvalidation(text)
    case CacheChannel.invalidatePattern: cache?.forgetHere(matching: text)
    default: cache?.heardFill(text)
    }
  }

  private func lost(_ token: UInt32? = nil) {
    if let token { acknowledged.remove(token) } else { acknowledged = [] }
    cache?.local.lost()
  }
}
