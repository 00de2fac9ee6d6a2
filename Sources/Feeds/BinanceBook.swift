// One symbol's book from a REST snapshot and differences, by Binance's published procedure:
// differences that come before the snapshot wait; of these, those at or below its id are dropped;
// the first that is applied must straddle it; each further one must follow the one before: on
// futures its `pu` is that one's `u`, on spot its `U` is at most one above. A hole makes the book
// stale, and differences wait for the next snapshot.
//
// Pure. What waits is bounded (`Limits.waitingDifferencesMax`, `waitingLevelsMax`): when full all
// of it is dropped and counted, since a snapshot that comes then must be newer to be of use.

import MarketData

struct BinanceDifference {
  var firstID: Int64
  var lastID: Int64
  /// Futures only: the last id of the difference before.
  var previousID: Int64?
  var timestamp: Timestamp

  /// The id that the book must have reached for this difference to be applied to it.
  var needsID: Int64 { previousID ?? firstID - 1 }
}

struct BinanceBook {
  enum Outcome: Equatable {
    /// The book changed and is whole.
    case applied
    /// There is no book yet (or no more); the difference waits.
    case waiting
    /// A hole: the book was whole and is stale from now on.
    case gap
    /// The book had it already.
    case repeated
  }

  private(set) var levels = LevelBook(levelsMax: Limits.binanceLevelsMax)
  /// The id of the last difference in `levels`; nil while there is no whole book.
  private(set) var lastID: Int64?
  /// The exchange's time of that difference.
  private(set) var timestamp: Timestamp?
  private(set) var droppedDifferences: UInt64 = 0
  /// Until the first difference after a snapshot, a straddling one is allowed.
  private var isFresh = false
  private var waiting: [(difference: BinanceDifference, bids: [Level], asks: [Level])] = []
  private var waitingLevels = 0

  var isWhole: Bool { lastID != nil }

  mutating func apply(
    _ difference: BinanceDifference, bids: [Level], asks: [Level]
  ) -> Outcome {
    let outcome = step(difference, bids, asks)
    if outcome == .waiting || outcome == .gap { wait(difference, bids, asks) }
    return outcome
  }

  /// Takes a snapshot if there is no whole book; `applyNextWaiting` is to be called then until it
  /// returns nil. `.waiting`: the snapshot is older than the first difference that waits, so a
  /// newer one is needed.
  mutating func take(
    snapshotID: Int64, timestamp: Timestamp, bids: [Level], asks: [Level]
  ) -> Outcome {
    guard lastID == nil else { return .repeated }
    waiting.removeAll { entry in
      guard entry.difference.lastID <= snapshotID else { return false }
      waitingLevels -= entry.bids.count + entry.asks.count
      return true
    }
    if let first = waiting.first, first.difference.needsID > snapshotID { return .waiting }
    levels.replace(bids: bids, asks: asks)
    lastID = snapshotID
    self.timestamp = timestamp
    isFresh = true
    return .applied
  }

  /// Applies the first difference that waited for the snapshot; nil when none is left. After `.gap`
  /// it and those behind it wait on.
  mutating func applyNextWaiting() -> Outcome? {
    guard isWhole, let entry = waiting.first else { return nil }
    let outcome = step(entry.difference, entry.bids, entry.asks)
    if outcome != .gap {
      waiting.removeFirst()
      waitingLevels -= entry.bids.count + entry.asks.count
    }
    return outcome
  }

  private mutating func step(
    _ difference: BinanceDifference, _ bids: [Level], _ asks: [Level]
  ) -> Outcome {
    guard let lastID else { return .waiting }
    guard difference.lastID > lastID else { return .repeated }
    let follows =
      isFresh || difference.previousID == nil
      ? difference.needsID <= lastID : difference.needsID == lastID
    guard follows else {
      self.lastID = nil
      return .gap
    }
    levels.apply(bids: bids, asks: asks)
    self.lastID = difference.lastID
    timestamp = difference.timestamp
    isFresh = false
    return .applied
  }

  /// Whether a snapshot of this id can belong here: it reaches what waits, and is not far beyond
  /// it.
  func mayTake(snapshotID: Int64) -> Bool {
    guard lastID == nil, let first = waiting.first?.difference, let last = waiting.last?.difference
    else { return false }
    return first.needsID <= snapshotID && snapshotID <= last.lastID
  }

  private mutating func wait(
    _ difference: BinanceDifference, _ bids: [Level], _ asks: [Level]
  ) {
    let count = bids.count + asks.count
    if waiting.count == Limits.waitingDifferencesMax
      || waitingLevels + count > Limits.waitingLevelsMax
    {
      droppedDifferences += UInt64(waiting.count)
      waiting = []
      waitingLevels = 0
    }
    waiting.append((difference, bids, asks))
    waitingLevels += count
  }
}
