// A growing array of plain values in one malloc'ed block, owned by one struct and never shared, so
// that an element access is one comparison and one load: no reference count, no uniqueness check.
// Loop thread of the owner only. It never gives memory back before its end: the tables it holds
// (topics, clients, hash) are bounded by `FanOutLimits`. An index outside is a trap, in release too.

import Glibc

struct FlatArray<Element: BitwiseCopyable>: ~Copyable {
  private var base: UnsafeMutablePointer<Element>
  private(set) var count = 0
  private(set) var capacity: Int

  init(minimumCapacity: Int = 8) {
    capacity = max(8, minimumCapacity)
    base = Self.reserve(nil, capacity)
  }

  deinit { free(base) }

  var bytesReserved: Int { capacity * MemoryLayout<Element>.stride }

  private static func reserve(_ old: UnsafeMutablePointer<Element>?, _ capacity: Int)
    -> UnsafeMutablePointer<Element>
  {
    guard let raw = realloc(old, capacity * MemoryLayout<Element>.stride) else {
      fatalError("out of memory for \(capacity) records")
    }
    return raw.assumingMemoryBound(to: Element.self)
  }

  subscript(index: Int) -> Element {
    @inline(__always) get {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "index outside")
      return base[index]
    }
    @inline(__always) _modify {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "index outside")
      yield &base[index]
    }
  }

  subscript(index: UInt32) -> Element {
    @inline(__always) get {
      precondition(Int(index) < count, "index outside")
      return base[Int(index)]
    }
    @inline(__always) _modify {
      precondition(Int(index) < count, "index outside")
      yield &base[Int(index)]
    }
  }

  @inline(__always)
  mutating func append(_ element: Element) {
    if count == capacity {
      capacity *= 2
      base = Self.reserve(base, capacity)
    }
    base[count] = element
    count += 1
  }

  mutating func popLast() -> Element? {
    guard count > 0 else { return nil }
    count -= 1
    return base[count]
  }

  mutating func removeAll() { count = 0 }

  /// Makes the array `newCount` long, the new elements being `element`.
  mutating func extend(to newCount: Int, with element: Element) {
    guard newCount > count else { return }
    if newCount > capacity {
      capacity = max(newCount, capacity * 2)
      base = Self.reserve(base, capacity)
    }
    (base + count).initialize(repeating: element, count: newCount - count)
    count = newCount
  }

  /// Copies `length` elements inside the array; the ranges do not overlap.
  mutating func copyElements(from source: UInt32, to target: UInt32, count length: Int) {
    precondition(Int(source) + length <= count && Int(target) + length <= count, "range outside")
    memcpy(base + Int(target), base + Int(source), length * MemoryLayout<Element>.stride)
  }
}
