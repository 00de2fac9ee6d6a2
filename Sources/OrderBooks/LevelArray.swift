// One side of one book: its price levels, sorted from worst to best.
//
// Almost all changes happen near the touch, so the best level lies at the end, where inserting and
// removing move next to nothing. A level's key is its price for bids and the complement of it for
// asks, so that for both the greatest key is the best. One block holds the sizes, then 16 zero keys
// of padding, then the keys, 16 to a cache line. Padding is never better than a level, except that
// it equals a key of 0, which is last anyway. A level is present exactly when its size is not 0.
//
// Sizes have 32 bits, as orders' shares have: no exchange shows four billion shares at one price,
// and half the memory is half the cache misses. What would not fit is refused.
//
// 16 bytes and trivially movable: the owner frees it.

import CPrefetch

struct LevelArray {
  private var sizes: UnsafeMutablePointer<UInt32>?
  private(set) var count: UInt32 = 0
  private var capacity: UInt32 = 0

  init() {}

  private static let levelBytes = 2 * MemoryLayout<UInt32>.stride

  private static let padding = 16

  var byteCount: Int {
    capacity == 0
      ? 0
      : Int(capacity) * LevelArray.levelBytes + LevelArray.padding * MemoryLayout<UInt32>.stride
  }

  func free() { sizes.map { UnsafeMutableRawPointer($0).deallocate() } }

  @inline(__always)
  private var keys: UnsafeMutablePointer<UInt32> {
    sizes.unsafelyUnwrapped + (Int(capacity) &+ LevelArray.padding)
  }

  @inline(__always)
  static func key(_ side: BookSide, _ price: UInt32) -> UInt32 {
    price ^ (0 &- UInt32(side.rawValue))  // without a branch: sides come in no order
  }

  /// Begins to bring the best levels from memory.
  @inline(__always)
  func prefetch() {
    guard capacity > 0 else { return }
    prefetchx(keys + (Int(count) &- 12))
    prefetchx(sizes.unsafelyUnwrapped + (Int(count) &- 12))
  }

  /// The level with this many better ones: its key and its size.
  @inline(__always)
  subscript(rank: Int) -> (key: UInt32, size: UInt32) {
    precondition(rank >= 0 && rank < Int(count))
    let index = Int(count) - 1 - rank
    return (keys[index], sizes.unsafelyUnwrapped[index])
  }

  /// The index of the first level that is not worse than `key`: 16 levels at a time from the best,
  /// without a branch for each.
  @inline(__always)
  private func position(of key: UInt32) -> Int {
    guard capacity > 0 else { return 0 }
    let keys = keys
    let wanted = SIMD16<UInt32>(repeating: key)
    var upper = Int(count)
    while upper > 0 {
      // Reads into `padding` where fewer than 16 are left.
      let block = UnsafeRawPointer(keys + (upper &- 16)).loadUnaligned(as: SIMD16<UInt32>.self)
      let ones = SIMD16<UInt32>.zero.replacing(with: 1, where: block .>= wanted)
      let notWorse = Int(ones.wrappedSum())
      upper &-= notWorse
      if notWorse < 16 { break }
    }
    return max(upper, 0)
  }

  /// Adds shares at a price. Returns the rank of the level; or why not, negative: a new level where
  /// there are `levelsMax` already, more shares than a level can have.
  @inline(__always)
  mutating func add(_ key: UInt32, _ shares: UInt32, levelsMax: Int) -> Int {
    let index = position(of: key)
    if index < Int(count), keys[index] == key {
      let (sum, overflow) = sizes.unsafelyUnwrapped[index].addingReportingOverflow(shares)
      guard !overflow else { return LevelArray.sizeFull }
      sizes.unsafelyUnwrapped[index] = sum
    } else {
      guard insert(key, shares, at: index, levelsMax: levelsMax) else {
        return LevelArray.levelsFull
      }
    }
    return Int(count) &- 1 &- index
  }

  static let levelsFull = -1
  static let sizeFull = -2

  /// Takes shares from a level that has them. Returns the rank that the level has or had.
  @inline(__always)
  mutating func take(_ key: UInt32, _ shares: UInt32) -> Int {
    let index = position(of: key)
    precondition(index < Int(count) && keys[index] == key, "an order without its level")
    let rank = Int(count) &- 1 &- index
    let left = sizes.unsafelyUnwrapped[index] &- shares
    if left == 0 { remove(index) } else { sizes.unsafelyUnwrapped[index] = left }
    return rank
  }

  @inline(__always)
  private mutating func remove(_ index: Int) {
    let (keys, sizes) = (keys, sizes.unsafelyUnwrapped)
    count &-= 1
    let moved = Int(count) &- index
    (keys + index).update(from: keys + (index &+ 1), count: moved)
    (sizes + index).update(from: sizes + (index &+ 1), count: moved)
  }

  private mutating func insert(
    _ key: UInt32, _ shares: UInt32, at index: Int, levelsMax: Int
  ) -> Bool {
    guard Int(count) < levelsMax else { return false }
    if count == capacity { grow() }
    let (keys, sizes) = (keys, sizes.unsafelyUnwrapped)
    let moved = Int(count) - index
    (keys + index + 1).update(from: keys + index, count: moved)
    (sizes + index + 1).update(from: sizes + index, count: moved)
    keys[index] = key
    sizes[index] = shares
    count &+= 1
    return true
  }

  @inline(never)
  private mutating func grow() {
    var new = LevelArray()
    new.capacity = max(UInt32(OrderBooksLimits.levelsMin), capacity + capacity / 2)
    new.sizes = UnsafeMutableRawPointer.allocate(
      byteCount: new.byteCount, alignment: 64
    ).bindMemory(to: UInt32.self, capacity: 2 * Int(new.capacity) + LevelArray.padding)
    (new.keys - LevelArray.padding).update(repeating: 0, count: LevelArray.padding)
    new.count = count
    if count > 0 {
      new.keys.update(from: keys, count: Int(count))
      new.sizes.unsafelyUnwrapped.update(from: sizes.unsafelyUnwrapped, count: Int(count))
    }
    free()
    self = new
  }
}
