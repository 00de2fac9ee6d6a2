/// A book of price levels, kept from snapshots and differences as exchanges send them.
///
/// Each side is one flat array sorted from worst to best: almost all changes happen near the touch,
/// so the best level lies at the end, where inserting and removing move next to nothing. A level is
/// present exactly when its size is not 0; prices are unique on a side. A side holds at most
/// `levelsMax` levels: when it is full, its worst level is dropped and counted.
///
/// It does not check that the sides do not cross: that is for the feed's numbering to guarantee.
public struct LevelBook: Sendable {
  public let levelsMax: Int
  private var bids = LevelSide(flip: 0)
  private var asks = LevelSide(flip: -1)

  /// Traps unless `levelsMax` is positive.
  public init(levelsMax: Int) {
    precondition(levelsMax > 0)
    self.levelsMax = levelsMax
  }

  /// Levels that were lost because their side was full.
  public var droppedLevels: UInt64 { bids.dropped + asks.dropped }
  public var bidCount: Int { bids.levels.count }
  public var askCount: Int { asks.levels.count }
  public var bestBid: Level? { bids.levels.last }
  public var bestAsk: Level? { asks.levels.last }
  public var isEmpty: Bool { bids.levels.isEmpty && asks.levels.isEmpty }

  /// Sets the total size at a price; 0 deletes the level, if there is one.
  public mutating func setBid(_ level: Level) { bids.set(level, max: levelsMax) }
  public mutating func setAsk(_ level: Level) { asks.set(level, max: levelsMax) }

  /// Applies the levels of a difference, in their order.
  public mutating func apply(bids bidChanges: [Level], asks askChanges: [Level]) {
    for level in bidChanges { setBid(level) }
    for level in askChanges { setAsk(level) }
  }

  /// Forgets all levels and takes these, in any order (fastest: best first). Of a price that
  /// repeats the last counts.
  public mutating func replace(bids newBids: [Level], asks newAsks: [Level]) {
    bids.replace(newBids, max: levelsMax)
    asks.replace(newAsks, max: levelsMax)
  }

  public mutating func removeAll() {
    bids.levels.removeAll(keepingCapacity: true)
    asks.levels.removeAll(keepingCapacity: true)
  }

  /// The top `Depth.levelsMax` levels of each side.
  public func top(symbol: SymbolID, timestamp: Timestamp) -> Depth {
    var depth = Depth(symbol: symbol, timestamp: timestamp)
    for level in bids.levels.suffix(Depth.levelsMax).reversed() { depth.appendBid(level) }
    for level in asks.levels.suffix(Depth.levelsMax).reversed() { depth.appendAsk(level) }
    return depth
  }
}

/// One side, sorted so that keys grow: a bid's key is its price, an ask's the complement of it, so
/// that for both the greatest key is the best (the complement, unlike the negative, cannot
/// overflow).
private struct LevelSide: Sendable {
  /// 0 for bids, -1 for asks.
  let flip: Int64
  var levels: [Level] = []
  var dropped: UInt64 = 0

  init(flip: Int64) { self.flip = flip }

  private func key(_ level: Level) -> Int64 { level.price.nanos ^ flip }

  /// Where the last change was: those of one message are sorted, and lie close to one another.
  private var last = 0

  /// The index of the first level that is not worse than `key`: from the last change on in steps that
  /// double, then by halves.
  private func position(of key: Int64) -> Int {
    levels.withUnsafeBufferPointer { levels in
      var (lower, upper) = (min(last, levels.count), min(last, levels.count))
      var step = 1
      if upper < levels.count, self.key(levels[upper]) < key {
        // Invariant of both loops: what lies below `lower` is worse, what lies from `upper` on is not.
        repeat {
          lower = upper + 1
          upper = min(lower + step, levels.count)
          step *= 2
        } while upper < levels.count && self.key(levels[upper]) < key
      } else {
        while lower > 0, self.key(levels[lower - 1]) >= key {
          upper = lower - 1
          lower = Swift.max(0, upper - step)
          step *= 2
        }
      }
      while lower < upper {
        let middle = (lower + upper) / 2
        if self.key(levels[middle]) < key { lower = middle + 1 } else { upper = middle }
      }
      return lower
    }
  }

  mutating func set(_ level: Level, max: Int) {
    let index = position(of: key(level))
    last = index
    if index < levels.count, levels[index].price == level.price {
      if level.size == .zero {
        levels.remove(at: index)
      } else {
        levels[index].size = level.size
      }
      return
    }
    guard level.size != .zero else { return }
    guard levels.count == max else {
      levels.insert(level, at: index)
      return
    }
    dropped += 1
    guard index > 0 else { return }
    // The worst gives way: everything below the new level moves down by one.
    for lower in 1..<index { levels[lower - 1] = levels[lower] }
    levels[index - 1] = level
  }

  mutating func replace(_ newLevels: [Level], max: Int) {
    levels.removeAll(keepingCapacity: true)
    var sorted = true
    for level in newLevels.reversed() {
      if let last = levels.last, key(last) >= key(level) { sorted = false }
      levels.append(level)
    }
    if !sorted { sortAndUnite() }
    levels.removeAll { $0.size == .zero }
    guard levels.count > max else { return }
    dropped += UInt64(levels.count - max)
    levels.removeFirst(levels.count - max)
  }

  /// `levels` holds the newest first; afterwards they are sorted, the newest of each price kept.
  private mutating func sortAndUnite() {
    var order = levels.indices.map { (key: key(levels[$0]), age: $0) }
    order.sort { ($0.key, $0.age) < ($1.key, $1.age) }
    var united: [Level] = []
    united.reserveCapacity(order.count)
    for (index, entry) in order.enumerated()
    where index == 0 || order[index - 1].key != entry.key {
      united.append(levels[entry.age])
    }
    levels = united
  }
}
