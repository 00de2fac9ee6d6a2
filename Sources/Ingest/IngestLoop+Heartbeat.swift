// What is said of the feed as a whole, four times a second: the heartbeat, and now and then the list of
// symbols. It is not called live before all is written that Redis may not have.
import EventLoops
import Feeds
import Logging
import MarketData
import RedisClient
import ServiceSupport

extension IngestLoop {
  func owesEverything() {
    board.markAllDirty()
    owedSince = loop.nowMilliseconds
  }

  /// After a time in which nothing ran (a stopped process, a feed that blocked) keys have expired, and
  /// nobody but us knows their values.
  func noticeStandstill() {
    let now = EventLoop.bootNanoseconds / 1_000_000
    defer { playedMilliseconds = now }
    let since = now - playedMilliseconds
    guard playedMilliseconds > 0, since >= IngestLimits.standstillMilliseconds else { return }
    log.log(
      .warning, kind: "standstill", "the ingester stood still", metadata: ["ms": "\(since)"])
    if stage != .waiting, stage != .ended, !isPaused { owesEverything() }
  }

  /// Whether the feed may be called live. What it is late with leaves first, at most for a moment.
  var hasPaid: Bool {
    guard let since = owedSince else { return true }
    let isBehind = board.hasUnwritten || aheadTimer?.isActive == true
    guard !isBehind || loop.nowMilliseconds &- since >= IngestLimits.owedMilliseconds else {
      return false
    }
    owedSince = nil
    return true
  }

  // MARK: - The heartbeat

  func heartbeat() {
    noticeStandstill()
    guard redis.isReady, !isClosed else { return }
    if stage == .waiting || epochUnconfirmed, epochsAsked == 0 { renewEpoch() }
    guard stage != .waiting, hasPaid else { return }
    listSymbols()
    let heartbeat = FeedHeartbeat(
      sequence: board.sequence, timestamp: origin.time ?? Timestamp(nanoseconds: 0),
      isRebased: origin.clock.timestamps == .rebased,
      state: saidState, speedThousandths: speedThousandths,
      symbolsVersion: listVersion, run: firstEpoch,
      madeMilliseconds: EventLoop.bootNanoseconds / 1_000_000, stale: board.staleSymbols())
    scratch.removeAll()
    heartbeat.append(to: &scratch)
    write(.heartbeat, publishing: true)
  }

  private var speedThousandths: UInt32 {
    switch origin.clock.speed {
    case .max: 0
    case .factor(let factor): UInt32(clamping: factor.nanos / 1_000_000)
    }
  }

  /// The list's version is its length, for symbols are only ever added, and above it the run's first
  /// epoch: another run's list of the same length is another list. 32 + 17 bits, 65,536 symbols at
  /// the most, are below 2^53, which every JSON reader keeps exactly.
  private func listSymbols() {
    let symbols = origin.context.symbols
    let age = loop.nowMilliseconds &- listedAt
    guard symbols.count != listedSymbols || age >= IngestLimits.symbolListMilliseconds else {
      return
    }
    let names = (0..<symbols.count).map { symbols.name(of: SymbolID(index: UInt32($0))) }
    scratch.removeAll()
    let version = (firstEpoch & 0xFFFF_FFFF) << 17 | UInt64(names.count)
    FeedSymbolList(version: version, symbols: names).append(to: &scratch)
    if write(.symbols, publishing: false) {
      listVersion = version
      listedSymbols = names.count
      listedAt = loop.nowMilliseconds
    }
  }

  @discardableResult
  private func write(_ key: FeedKey, publishing: Bool) -> Bool {
    let name = Array(key.name(feed: configuration.feed).utf8)
    return name.withUnsafeBytes { name in
      scratch.withBytes { value in
        sink.set(key: name.bytes, value: value, ttlMilliseconds: key.ttlMilliseconds)
          && (!publishing || sink.publish(channel: name.bytes, message: value))
      }
    }
  }
}
