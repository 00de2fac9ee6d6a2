// The subscriber lists of topics and groups: record numbers in extents. A record knows its place, so
// leaving is: the last entry moves into the hole, and its record is told.

struct SubscriberLists: ~Copyable {
  private var slab = ExtentSlab<UInt32>(blank: noIndex)
  private(set) var entries = 0

  var bytesReserved: Int { slab.bytesReserved }

  @inline(__always)
  func record(_ list: SubscriberList, _ place: UInt32) -> UInt32 {
    precondition(place < list.count, "outside the list")
    return slab[list.extent + place]
  }

  /// Appends a record; its place.
  mutating func append(_ record: UInt32, to list: inout SubscriberList) -> UInt32 {
    if list.extent == noIndex {
      list.sizeClass = 0
      list.extent = slab.allocate(ofClass: 0)
    } else if Int(list.count) == ExtentSlab<UInt32>.capacity(ofClass: list.sizeClass) {
      let larger = slab.allocate(ofClass: list.sizeClass + 1)
      slab.copyElements(from: list.extent, to: larger, count: Int(list.count))
      slab.release(list.extent, ofClass: list.sizeClass)
      list.extent = larger
      list.sizeClass += 1
    }
    slab[list.extent + list.count] = record
    list.count += 1
    entries += 1
    return list.count - 1
  }

  /// Takes out an entry; the record that now stands in its place, if any.
  mutating func remove(at place: UInt32, from list: inout SubscriberList) -> UInt32? {
    precondition(place < list.count, "outside the list")
    list.count -= 1
    entries -= 1
    if list.count == 0 {
      slab.release(list.extent, ofClass: list.sizeClass)
      list.extent = noIndex
      return nil
    }
    guard place < list.count else { return nil }
    let moved = slab[list.extent + list.count]
    slab[list.extent + place] = moved
    return moved
  }

  /// A record in the list has a new number.
  mutating func replace(at place: UInt32, of list: SubscriberList, with record: UInt32) {
    precondition(place < list.count, "outside the list")
    slab[list.extent + place] = record
  }
}
