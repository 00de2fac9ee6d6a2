// Bytes of messages in slots of 64 B ... 64 KiB (powers of two). Chunks of 256 KiB come from malloc;
// a chunk serves one class until all its slots are free again, then any class or the system. A slot
// is named by a UInt32: its offset in 64 B units in the row of chunks, plus 1, so that 0 is no slot.
// All raw addresses of messages stay in this folder; offsets into a slot are checked.
// Loop thread of the owner only.

import Glibc

/// A slot of the arena; `.none` is no slot.
struct Slot: BitwiseCopyable, Equatable {
  var number: UInt32
  static var none: Slot { Slot(number: 0) }
}

struct Arena: ~Copyable {
  static let chunkBytes = 256 << 10
  private static let unitShift = 6
  private static let unitsPerChunkShift = 12
  private static let unitMask: UInt32 = 4_095
  private static let classes = 11
  /// Chunks kept for the next class that needs one instead of being given back to the system.
  private static let sparesMax = 4

  private struct Chunk: BitwiseCopyable {
    var base: UnsafeMutableRawPointer?
    /// First unit + 1 of the newest freed slot; the link to the next lies in the slot itself.
    var freeHead: UInt32 = 0
    /// Slots carved so far, slots in use.
    var carved: UInt32 = 0
    var live: UInt32 = 0
    var sizeClass: UInt32 = 0
    /// Neighbours in the class's list of chunks that have room.
    var previous = noIndex
    var next = noIndex
  }

  private var chunks = FlatArray<Chunk>()
  private var roomy = FlatArray<UInt32>()
  private var spares = FlatArray<UInt32>()
  /// Entries of `chunks` without memory.
  private var vacant = FlatArray<UInt32>()
  private let chunksMax: Int
  private(set) var bytesUsed = 0
  private(set) var bytesReserved = 0

  init(bytesMax: Int) {
    chunksMax = max(1, bytesMax / Self.chunkBytes)
    precondition(chunksMax < 1 << 19, "slot numbers have 32 bits")
    roomy.extend(to: Self.classes, with: noIndex)
  }

  deinit {
    for index in 0..<chunks.count { free(chunks[index].base) }
  }

  @inline(__always)
  static func sizeClass(ofBytes bytes: Int) -> Int {
    bytes <= 64 ? 0 : Int.bitWidth - (bytes - 1).leadingZeroBitCount - unitShift
  }

  static func bytes(ofClass sizeClass: Int) -> Int { 64 << sizeClass }

  /// A slot of at least `bytes` (1...65,536), or nil when the bound is reached.
  mutating func allocate(_ bytes: Int) -> Slot? {
    precondition(bytes <= FanOutLimits.messageBytesMax, "larger than the largest slot")
    let sizeClass = Self.sizeClass(ofBytes: bytes)
    var index = roomy[sizeClass]
    if index == noIndex {
      guard let fresh = takeChunk(for: sizeClass) else { return nil }
      index = fresh
    }
    var chunk = chunks[index]
    guard let base = chunk.base else { preconditionFailure("a roomy chunk has memory") }
    let unit: UInt32
    if chunk.freeHead != 0 {
      unit = chunk.freeHead - 1
      chunk.freeHead = base.load(fromByteOffset: Int(unit) << Self.unitShift, as: UInt32.self)
    } else {
      unit = chunk.carved << UInt32(sizeClass)
      chunk.carved += 1
    }
    chunk.live += 1
    chunks[index] = chunk
    if chunk.freeHead == 0 && chunk.carved == Self.slots(ofClass: sizeClass) {
      unlink(index, sizeClass)
    }
    bytesUsed += Self.bytes(ofClass: sizeClass)
    return Slot(number: (index << UInt32(Self.unitsPerChunkShift)) + unit + 1)
  }

  mutating func release(_ slot: Slot) {
    guard slot != .none else { return }
    let (index, unit) = Self.place(of: slot)
    var chunk = chunks[index]
    guard let base = chunk.base, chunk.live > 0 else { preconditionFailure("a free slot") }
    let sizeClass = Int(chunk.sizeClass)
    let wasFull = chunk.freeHead == 0 && chunk.carved == Self.slots(ofClass: sizeClass)
    base.storeBytes(
      of: chunk.freeHead, toByteOffset: Int(unit) << Self.unitShift, as: UInt32.self)
    chunk.freeHead = unit + 1
    chunk.live -= 1
    chunks[index] = chunk
    if wasFull { link(index, sizeClass) }
    bytesUsed -= Self.bytes(ofClass: sizeClass)
    if chunk.live == 0 {
      unlink(index, sizeClass)
      retire(index)
    }
  }

  /// Bytes that fit into the slot.
  func capacity(of slot: Slot) -> Int {
    guard slot != .none else { return 0 }
    return Self.bytes(ofClass: Int(chunks[Self.place(of: slot).chunk].sizeClass))
  }

  /// The slot's first `count` bytes. For this folder only: the address lives as long as the slot.
  @inline(__always)
  func pointer(_ slot: Slot, offset: Int, count: Int) -> UnsafeMutableRawPointer {
    let (index, unit) = Self.place(of: slot)
    let chunk = chunks[index]
    guard let base = chunk.base, offset >= 0, count >= 0,
      offset + count <= Self.bytes(ofClass: Int(chunk.sizeClass))
    else { preconditionFailure("outside the slot") }
    return base + (Int(unit) << Self.unitShift) + offset
  }

  func withBytes<Result>(_ slot: Slot, count: Int, _ body: (RawSpan) -> Result) -> Result {
    body(UnsafeRawBufferPointer(start: pointer(slot, offset: 0, count: count), count: count).bytes)
  }

  func store(_ bytes: RawSpan, in slot: Slot, at offset: Int = 0) {
    let target = pointer(slot, offset: offset, count: bytes.byteCount)
    bytes.withUnsafeBytes { source in
      if let start = source.baseAddress { memcpy(target, start, source.count) }
    }
  }

  @inline(__always)
  func load<Value: BitwiseCopyable>(_ slot: Slot, _ offset: Int, as type: Value.Type) -> Value {
    pointer(slot, offset: offset, count: MemoryLayout<Value>.size).load(as: type)
  }

  @inline(__always)
  func store<Value: BitwiseCopyable>(_ value: Value, in slot: Slot, at offset: Int) {
    pointer(slot, offset: offset, count: MemoryLayout<Value>.size)
      .storeBytes(of: value, as: Value.self)
  }

  func copy(_ source: Slot, at sourceOffset: Int, to target: Slot, at offset: Int, count: Int) {
    memcpy(
      pointer(target, offset: offset, count: count),
      pointer(source, offset: sourceOffset, count: count), count)
  }

  @inline(__always)
  private static func place(of slot: Slot) -> (chunk: UInt32, unit: UInt32) {
    let number = slot.number &- 1
    return (number >> UInt32(unitsPerChunkShift), number & unitMask)
  }

  private static func slots(ofClass sizeClass: Int) -> UInt32 {
    UInt32(chunkBytes / bytes(ofClass: sizeClass))
  }

  private mutating func takeChunk(for sizeClass: Int) -> UInt32? {
    let index: UInt32
    if let spare = spares.popLast() {
      index = spare
    } else {
      guard bytesReserved / Self.chunkBytes < chunksMax, let memory = malloc(Self.chunkBytes)
      else { return nil }
      bytesReserved += Self.chunkBytes
      if let old = vacant.popLast() {
        index = old
      } else {
        index = UInt32(chunks.count)
        chunks.append(Chunk())
      }
      chunks[index].base = memory
    }
    chunks[index].freeHead = 0
    chunks[index].carved = 0
    chunks[index].sizeClass = UInt32(sizeClass)
    link(index, sizeClass)
    return index
  }

  private mutating func retire(_ index: UInt32) {
    if spares.count < Self.sparesMax {
      spares.append(index)
      return
    }
    free(chunks[index].base)
    chunks[index].base = nil
    bytesReserved -= Self.chunkBytes
    vacant.append(index)
  }

  private mutating func link(_ index: UInt32, _ sizeClass: Int) {
    let head = roomy[sizeClass]
    chunks[index].previous = noIndex
    chunks[index].next = head
    if head != noIndex { chunks[head].previous = index }
    roomy[sizeClass] = index
  }

  private mutating func unlink(_ index: UInt32, _ sizeClass: Int) {
    let chunk = chunks[index]
    if chunk.previous == noIndex {
      roomy[sizeClass] = chunk.next
    } else {
      chunks[chunk.previous].next = chunk.next
    }
    if chunk.next != noIndex { chunks[chunk.next].previous = chunk.previous }
  }
}
