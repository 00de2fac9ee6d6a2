// How an open stream learns that its key was revoked or its session ended, within 2 s and whatever is
// lost on the way. Three ways, each enough by itself while Postgres can be reached:
//
// 1. LISTEN: the triggers on api_keys and sessions NOTIFY at commit; milliseconds.
// 2. The invalidation log, which the same triggers write, is read once a second: for a notification
//    that was lost without anybody noticing.
// 3. After each loss (of LISTEN, or of an answer to 2) every key and session of an open stream is asked
//    for again, not only what the log still holds.
//
// Nothing of this passes through Redis, so no loss of its subscription matters here; the caches that
// answer new questions are invalidated by the same news.
import Caching
import EventLoops

/// What has been read of the invalidation log.
struct LogReading {
  /// Entries in the window that have been acted on.
  var seen: Set<Int64> = []
  /// Something may have been missed: everything that is open is to be asked for.
  var mustRecheck = false
  var isUnderWay = false
  /// A reason to read came while one was under way.
  var again = false
  var isClosed = false
  var streamsUsedAt: UInt64 = 0
}

/// Carries the authority into a task. `@unchecked Sendable`: the task runs on the authority's loop.
private struct OnLoop: @unchecked Sendable {
  let authority: CredentialAuthority
}

extension CredentialAuthority {
  /// Listens and reads the log from now on.
  public func start() {
    loop.preconditionInLoop()
    log.streamsUsedAt = now()
    feed?.onKey = { [weak self] key in self?.notified(key) }
    feed?.onListening = { [weak self] in
      self?.log.mustRecheck = true
      self?.readLogSoon()
    }
    feed?.onLost = { [weak self] _ in self?.log.mustRecheck = true }
    let timer = LoopTimer(loop: loop) { [weak self] in self?.readLogSoon() }
    timer.start(
      afterMilliseconds: options.pollMilliseconds, repeatingMilliseconds: options.pollMilliseconds)
    self.timer = timer
  }

  /// No stream is told anything from now on.
  public func close() {
    loop.preconditionInLoop()
    log.isClosed = true
    timer?.close()
    feed?.onKey = nil
    feed?.onListening = nil
    feed?.onLost = nil
    watches = Watches(watchesMax: 0)
  }

  private func notified(_ payload: String) {
    guard let name = CredentialName(payload) else { return }
    let here = OnLoop(authority: self)
    // The feed has told the caches.
    Task.immediate(executorPreference: loop) { await here.authority.recheck([name]) }
  }

  private func readLogSoon() {
    guard !log.isUnderWay, !log.isClosed else {
      log.again = true
      return
    }
    let here = OnLoop(authority: self)
    Task.immediate(executorPreference: loop) { await here.authority.readLog() }
  }

  /// One look at the log, and at everything that is open when that is called for.
  func readLog() async {
    guard !log.isUnderWay else { return }
    log.isUnderWay = true
    defer { log.isUnderWay = false }
    repeat {
      log.again = false
      do {
        if log.mustRecheck { try await recheckAll() }
        let entries = try await database.logged(
          withinMilliseconds: options.logWindowMilliseconds,
          entriesMax: CredentialsLimits.logEntriesMax)
        let news = entries.filter { !log.seen.contains($0.number) }
        log.seen = Set(entries.map(\.number))
        try await changed(Set(news.compactMap { CredentialName($0.key) }))
        // The window held more than was read: what fell out of it is asked for instead.
        if entries.count >= CredentialsLimits.logEntriesMax, !news.isEmpty {
          try await recheckAll()
        }
        try await useOfStreams()
      } catch {
        counters.logReadFailures &+= 1
        log.mustRecheck = true
        problem("the invalidation log cannot be read: \(error)")
      }
    } while log.again && !log.isClosed && !log.mustRecheck
  }

  /// The rows of these were written: caches forget them, and streams under those that are closed end.
  private func changed(_ names: Set<CredentialName>) async throws {
    guard !names.isEmpty, !log.isClosed else { return }
    // First, so that who is refused now cannot come back in by an old value.
    await keys.invalidate(names.filter { $0.kind == .key }.map(\.description))
    await sessions.cache.invalidate(names.filter { $0.kind == .session }.map(\.description))
    try await recheckWatched(names)
  }

  /// Streams under those that are closed end, now or as soon as Postgres answers.
  func recheck(_ names: Set<CredentialName>) async {
    do {
      try await recheckWatched(names)
    } catch {
      log.mustRecheck = true
      problem("revocations cannot be checked: \(error)")
    }
  }

  private func recheckWatched(_ names: Set<CredentialName>) async throws {
    for name in names where name.kind == .session { lastSeen.forget(name.id) }
    let watched = names.filter { watches.holds($0) }
    try await recheck(.key, watched.filter { $0.kind == .key }.map(\.id))
    try await recheck(.session, watched.filter { $0.kind == .session }.map(\.id))
  }

  private func recheckAll() async throws {
    counters.rechecks &+= 1
    // What goes wrong from here on is a reason to do it again.
    log.mustRecheck = false
    try await recheck(.key, watches.names(.key))
    try await recheck(.session, watches.names(.session))
  }

  private func recheck(_ kind: CredentialName.Kind, _ ids: [String]) async throws {
    for batch in ids.batches(CredentialsLimits.recheckBatch) {
      let closed =
        kind == .key
        ? try await database.closedKeys(among: batch)
        : try await database.closedSessions(among: batch)
      for id in closed { revokeStreams(CredentialName(kind, id)) }
    }
  }

  /// An open stream is a use of its session.
  private func useOfStreams() async throws {
    guard now() &- log.streamsUsedAt >= options.streamUseMilliseconds else { return }
    log.streamsUsedAt = now()
    for batch in watches.names(.session).batches(CredentialsLimits.recheckBatch) {
      for id in try await database.touchAll(batch) {
        revokeStreams(CredentialName(.session, id))
      }
    }
  }

  func revokeStreams(_ name: CredentialName) {
    let calls = watches.revoke(name)
    counters.revokedStreams &+= UInt64(calls.count)
    for call in calls { call(.revoked) }
  }

  // MARK: - Streams

  /// As `authenticate`, and `revoked` is called, once, when what was presented stops being good while
  /// the stream is open. `ticket` must be new. The stream's end is told by `closeStream`, also while
  /// this is under way.
  func openStream(
    _ ticket: WatchTicket, _ presented: PresentedCredentials?, address: ClientAddress,
    revoked: @escaping (CredentialFailure) -> Void
  ) async -> Result<Principal, CredentialFailure> {
    if let name = presented?.name, !watches.begin(ticket, name, revoked: revoked) {
      counters.unavailable &+= 1
      return .failure(.unavailable)
    }
    let result = await authenticate(presented, address: address)
    guard case .success = result else {
      watches.remove(ticket)
      return result
    }
    switch watches.confirm(ticket) {
    case .open: return result
    case .revoked: return .failure(.revoked)
    case .gone: return .failure(.unavailable)
    }
  }

  func closeStream(_ ticket: WatchTicket) { watches.remove(ticket) }

  /// Streams that are open or being opened.
  public var streamCount: Int { watches.count }
}

extension Array {
  fileprivate func batches(_ size: Int) -> [[Element]] {
    stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
  }
}
