// Runs of records ("extents") with power-of-two capacities cut from one flat array: a client's
// subscriptions, a topic's subscribers, a group's log. A freed extent goes to its class's stack and
// is handed out again for the same class; extents are not split or joined, so the array is at most
// the sum over the classes of their highest use (twice the records, for lists that grew by doubling).
// Capacity of class k is 4 << k.

/// A free extent and the one below it on its class's stack.
struct FreeLink: BitwiseCopyable {
  var extent: UInt32
  var next: UInt32
}

struct ExtentSlab<Element: BitwiseCopyable>: ~Copyable {
  private static var classes: Int { 24 }

  private var elements = FlatArray<Element>()
  /// The newest free extent of each class, or `noIndex`; its successor is in `nextFree`.
  private var freeHeads = FlatArray<UInt32>()
  private var nextFree = FlatArray<FreeLink>()
  private var unusedLinks = FlatArray<UInt32>()
  private let blank: Element

  init(blank: Element) {
    self.blank = blank
    freeHeads.extend(to: Self.classes, with: noIndex)
  }

  static func capacity(ofClass sizeClass: UInt8) -> Int { 4 << Int(sizeClass) }

  var bytesReserved: Int {
    elements.bytesReserved + nextFree.bytesReserved + unusedLinks.bytesReserved
  }

  mutating func allocate(ofClass sizeClass: UInt8) -> UInt32 {
    let head = freeHeads[Int(sizeClass)]
    if head != noIndex {
      let link = nextFree[head]
      freeHeads[Int(sizeClass)] = link.next
      unusedLinks.append(head)
      return link.extent
    }
    let offset = elements.count
    let end = offset + Self.capacity(ofClass: sizeClass)
    precondition(end < Int(noIndex), "an extent slab has 32-bit offsets")
    elements.extend(to: end, with: blank)
    return UInt32(offset)
  }

  mutating func release(_ extent: UInt32, ofClass sizeClass: UInt8) {
    let link = FreeLink(extent: extent, next: freeHeads[Int(sizeClass)])
    if let index = unusedLinks.popLast() {
      nextFree[index] = link
      freeHeads[Int(sizeClass)] = index
    } else {
      freeHeads[Int(sizeClass)] = UInt32(nextFree.count)
      nextFree.append(link)
    }
  }

  subscript(index: UInt32) -> Element {
    @inline(__always) get { elements[index] }
    @inline(__always) _modify { yield &elements[index] }
  }

  mutating func copyElements(from source: UInt32, to target: UInt32, count: Int) {
    elements.copyElements(from: source, to: target, count: count)
  }
}

/// No record, no topic, no extent.
let noIndex = UInt32.max
