// Asking the database, and storing what it said under the lease.
import EventLoops
import RedisClient

extension CacheAside {
  /// What a loading task holds. `@unchecked Sendable`: the task starts on the loop and, by its executor
  /// preference, resumes there.
  private struct Loading: @unchecked Sendable {
    let cache: CacheAside
    let load: LoadRow
    let done: (Result<LoadedRow, any Error>, _ microseconds: Int64) -> Void
  }

  private func run(
    _ policy: CachePolicy, _ load: @escaping LoadRow,
    _ done: @escaping (Result<LoadedRow, any Error>, _ microseconds: Int64) -> Void
  ) {
    update { $0.update(policy) { $0.loads += 1 } }
    let loading = Loading(cache: self, load: load, done: done)
    Task.immediate(executorPreference: loop) {
      let began = EventLoop.monotonicNanoseconds
      let result: Result<LoadedRow, any Error>
      do { result = .success(try await loading.load()) } catch { result = .failure(error) }
      let took = Int64((EventLoop.monotonicNanoseconds - began) / 1_000)
      loading.cache.loop.preconditionInLoop()
      loading.done(result, took)
    }
  }

  func load(_ flight: ReadFlight, _ how: ReadStateMachine.Loading) {
    run(flight.policy, flight.load) { [self] result, microseconds in
      switch how {
      case .leased: loadedLeased(flight, result, microseconds)
      case .bypass(let reason): loadedPast(flight, result, reason)
      }
    }
  }

  private func loadedLeased(
    _ flight: ReadFlight, _ result: Result<LoadedRow, any Error>, _ microseconds: Int64
  ) {
    switch result {
    case .failure(let error):
      update { $0.update(flight.policy) { $0.loadErrors += 1 } }
      release(flight.key, flight.token)
      finish(flight, .failure(error), nil)
    case .success(let row):
      let outcome = store(
        flight.key, flight.policy, flight.token, row, microseconds, flight.ticket)
      // The store is on its way before the next question can be: the answer need not wait for it.
      flight.ticket = nil
      finish(flight, .success((row.value, outcome)), nil)
    }
  }

  private func loadedPast(
    _ flight: ReadFlight, _ result: Result<LoadedRow, any Error>, _ reason: CacheBypass
  ) {
    switch result {
    case .success(let row): finish(flight, .success((row.value, .bypass(reason))), nil)
    case .failure(let error):
      update { $0.update(flight.policy) { $0.loadErrors += 1 } }
      guard gate.isReachable, gate.feed == .lost, options.isDatabaseAway(error) else {
        return finish(flight, .failure(error), nil)
      }
      peek(flight, error)
    }
  }

  /// The database is away, and only its notifications were missing: Redis answers if it can.
  private func peek(_ flight: ReadFlight, _ error: any Error) {
    commands.send(Redis.Get(flight.key)) { [self] result in
      guard case .success(let reply) = result, let bytes = reply.bytes,
        let envelope = CacheEnvelope(bytes), envelope.content != .unknown
      else { return finish(flight, .failure(error), nil) }
      finish(flight, .success((envelope.value, .hit)), nil)
    }
  }

  // MARK: - Storing

  /// Stores under the lease, or gives the lease back where there is nothing to store.
  private func store(
    _ key: String, _ policy: CachePolicy, _ token: [UInt8], _ row: LoadedRow,
    _ microseconds: Int64, _ ticket: LocalCache.Ticket?
  ) -> CacheOutcome {
    let isThere = row.value != nil || row.version != nil
    let ttl = isThere ? policy.ttlMilliseconds : policy.absentMilliseconds
    let tooLarge = (row.value?.count ?? 0) > policy.bytesMax
    guard !tooLarge, ttl > 0 else {
      release(key, token)
      if let ticket { local.fill(key, ticket, nil, now: loop.nowMilliseconds) }
      return tooLarge ? .bypass(.tooLarge) : .miss
    }
    let envelope = CacheEnvelope(number: row.version ?? microseconds, value: row.value)
    let expiresAt = loop.nowMilliseconds + ttl
    commands.run(.settle, key: key, [token, envelope.encoded, decimal(ttl)]) { [self] result in
      let stored = (try? result.get())?.integer == 1
      if case .success = result, !stored {
        update { $0.update(policy) { $0.fillsRefused += 1 } }
      }
      guard let ticket else { return }
      let entry = stored ? LocalCache.Entry(envelope: envelope, expiresAt: expiresAt) : nil
      local.fill(key, ticket, entry, now: loop.nowMilliseconds)
    }
    return .miss
  }

  func release(_ key: String, _ token: [UInt8]) {
    commands.run(.settle, key: key, [token, [], decimal(0)]) { _ in }
  }

  // MARK: - Early refresh

  /// Draws, and loads the value anew in the background while the present one is served.
  func refreshIfDue(
    _ key: String, _ policy: CachePolicy, _ envelope: CacheEnvelope, remaining: UInt64,
    _ load: @escaping LoadRow
  ) {
    guard let beta = policy.earlyRefreshBeta, gate.isOpen,
      refreshing.count < CachingLimits.refreshesMax,
      !refreshing.contains(key),
      EarlyRefresh.isDue(
        remainingMilliseconds: remaining, loadMicroseconds: envelope.number, beta: beta,
        uniform: uniform())
    else { return }
    refreshing.insert(key)
    let token = newToken()
    let ticket = policy.usesLocal ? local.reserve(key) : nil
    let lease = Redis.Set(
      CacheKey.lease(of: Array(key.utf8)), token,
      ttlMilliseconds: Int64(policy.leaseMilliseconds), .ifAbsent)
    commands.send(
      lease, late: { [unowned self] in if $0 == .simpleString("OK") { release(key, token) } }
    ) { [self] result in
      // Not taken: another one is at it.
      guard case .success(.simpleString) = result else {
        return refreshed(key, ticket)
      }
      run(policy, load) { [self] result, microseconds in
        switch result {
        case .success(let row):
          update { $0.update(policy) { $0.refreshes += 1 } }
          _ = store(key, policy, token, row, microseconds, ticket)
          refreshed(key, nil)
        case .failure:
          update { $0.update(policy) { $0.loadErrors += 1 } }
          release(key, token)
          refreshed(key, ticket)
        }
      }
    }
  }

  private func refreshed(_ key: String, _ ticket: LocalCache.Ticket?) {
    refreshing.remove(key)
    if let ticket { local.fill(key, ticket, nil, now: loop.nowMilliseconds) }
  }
}
