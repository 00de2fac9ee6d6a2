// Telling Redis and every process that keys were written.
import EventLoops
import RedisClient

extension CacheAside {
  /// After the commit of a write: no read that begins after this call gets what was there before.
  /// Never fails: what Redis cannot be told now is told before the cache is read again, and until then
  /// the database answers.
  public func invalidate(_ keys: [String]) async {
    loop.preconditionInLoop()
    for key in keys { forgetHere(key) }
    _ = await tell(keys)
  }

  /// As `invalidate`, for all keys that match a glob of Redis (`user:17:*`), and their leases. Not on
  /// a request's path: it walks through all keys of all shards. The number of keys deleted; nil: not
  /// all could be, the rest follows as with `invalidate`.
  @discardableResult
  public func invalidate(pattern: String) async -> Int? {
    loop.preconditionInLoop()
    forgetHere(matching: pattern)
    return await deleteMatching(pattern)
  }

  // MARK: - Here

  /// What this process has of `key` is old.
  func forgetHere(_ key: String) {
    local.drop(key)
    guard let flight = flights[key] else { return }
    invalidated(flight)
  }

  func forgetHere(matching pattern: String) {
    let glob = GlobPattern(pattern)
    local.drop { glob.matches($0) }
    for flight in flights.values where glob.matches(flight.key) { invalidated(flight) }
  }

  private func invalidated(_ flight: ReadFlight) {
    // A load may have read the old row: its own readers began before the write ended and may have it,
    // later ones may not.
    if flight.machine.isLoading { return flights[flight.key] = nil }
    sleeping[flight.number] = nil
    perform(flight.machine.invalidated(), flight)
  }

  /// More keys were written than can be named: nothing is believed until all are deleted.
  func forgetEverything() {
    forgetHere(matching: "*")
    pending.addEverything()
    gate.invalidationFailed()
    startTicking()
  }

  func heardInvalidation(_ key: String) { forgetHere(key) }

  func heardFill(_ key: String) {
    guard let flight = flights[key], sleeping[flight.number] != nil || !flight.machine.isLoading
    else { return }
    let action = flight.machine.noticed()
    if action != .nothing { sleeping[flight.number] = nil }
    perform(action, flight)
  }

  // MARK: - Redis

  /// Deletes values and leases in Redis; it tells the others. False: some failed and are pending.
  func tell(_ keys: [String]) async -> Bool {
    var complete = true
    var rest = keys[...]
    while !rest.isEmpty {
      let batch = rest.prefix(CachingLimits.invalidationsInFlightMax)
      rest = rest.dropFirst(batch.count)
      if !(await tellBatch(batch)) { complete = false }
    }
    return complete
  }

  private func tellBatch(_ keys: ArraySlice<String>) async -> Bool {
    guard gate.isReachable else {
      for key in keys { pending.add(key: key) }
      gate.invalidationFailed()
      return false
    }
    return await withUnsafeContinuation { continuation in
      var left = keys.count
      var complete = true
      for key in keys {
        let isVersioned = CachePolicies.policy(of: key)?.strategy == .writeThrough
        commands.run(isVersioned ? .forget : .invalidate, key: key, []) { [self] result in
          switch result {
          case .success: update { $0.invalidations += 1 }
          case .failure:
            pending.add(key: key)
            complete = false
          }
          left -= 1
          guard left == 0 else { return }
          if !complete {
            gate.invalidationFailed()
            startTicking()
          }
          continuation.resume(returning: complete)
        }
      }
    }
  }

  /// Leases first, then values: a lease from before the write is found as such, or it was filled
  /// before the walk over the values began and is found there. (SCAN: "a full iteration always
  /// retrieves all the elements that were present ... from the start to the end".)
  func deleteMatching(_ pattern: String) async -> Int? {
    var count = 0
    do {
      for shard in shards() {
        count += try await walk(shard, CacheKey.lease(of: Array(pattern.utf8)), areLeases: true)
        count += try await walk(shard, Array(pattern.utf8), areLeases: false)
      }
      // Other processes may keep what Redis has evicted; and it ends what they fetched meanwhile.
      _ = try await redis.send(
        Redis.Publish(
          Array(CacheChannel.invalidatePattern.utf8), Array(pattern.utf8), isSharded: false))
      return count
    } catch {
      pending.add(pattern: pattern)
      gate.invalidationFailed()
      startTicking()
      return nil
    }
  }

  private func walk(
    _ shard: RedisConnection, _ pattern: [UInt8], areLeases: Bool
  ) async throws(RedisError) -> Int {
    var cursor = "0"
    var count = 0
    repeat {
      let batch = try await shard.send(
        Redis.Scan(cursor: cursor, matching: pattern, countHint: CachingLimits.scanCount))
      cursor = batch.cursor
      for found in batch.keys {
        // A lease is no value, but it matches a pattern such as `*`.
        let isLease = CacheKey.leased(found) != nil
        guard isLease == areLeases else { continue }
        let key = CacheKey.leased(found) ?? found
        let isVersioned =
          CachePolicies.policy(of: String(decoding: key, as: UTF8.self))?.strategy == .writeThrough
        let script: CacheScript = isVersioned ? .forget : .invalidate
        let keys = [key, CacheKey.lease(of: key)]
        // By its text: another shard may not know the script, and this is no hot path.
        if try await shard.send(Redis.Eval(script.text, keys: keys)).integer == 1 { count += 1 }
      }
    } while cursor != "0"
    return count
  }
}
