// The loop's one frame under construction, and a scratch for one derived message. Layout of a frame:
//   16 B headroom for the transport | 3 B for the array's opening, right-aligned | messages | `]`
// so the opening can be written last, when the number of messages is known, without moving a byte.
// One frame at a time; a payload handed out is valid until the next `begin`.

import Glibc

struct FrameBuffer: ~Copyable {
  private static let bodyOffset = FanOutLimits.frameHeadroomBytes + 3
  /// The opening and the closing of an array, in the worse of the two encodings.
  private static let envelopeBytes = 3

  private let base: UnsafeMutableRawPointer
  private let capacity: Int
  private let scratch: UnsafeMutableRawPointer
  private var used = 0
  private var bound = 0
  private var encoding = ClientEncoding.json
  private(set) var messages = 0

  init(frameBytesHardMax: Int) {
    // A message longer than the bound goes alone, so the longest message must fit as well.
    let longest = max(frameBytesHardMax, FanOutLimits.messageBytesMax + Self.envelopeBytes)
    capacity = Self.bodyOffset + longest
    guard let base = malloc(capacity), let scratch = malloc(FanOutLimits.messageBytesMax) else {
      fatalError("out of memory for a frame")
    }
    self.base = base
    self.scratch = scratch
  }

  deinit {
    free(base)
    free(scratch)
  }

  mutating func begin(_ encoding: ClientEncoding, bytesMax: Int) {
    self.encoding = encoding
    bound = bytesMax
    used = 0
    messages = 0
  }

  /// Whether a message of `count` bytes may join; an empty frame takes any message.
  @inline(__always)
  func fits(_ count: Int) -> Bool {
    if messages == 0 { return true }
    return used + 1 + count + Self.envelopeBytes <= bound
      && messages < FanOutLimits.frameMessagesMax
  }

  @inline(__always)
  private mutating func room(_ count: Int) -> UnsafeMutableRawPointer {
    if messages > 0 && encoding == .json {
      base.storeBytes(of: UInt8(ascii: ","), toByteOffset: Self.bodyOffset + used, as: UInt8.self)
      used += 1
    }
    precondition(Self.bodyOffset + used + count + 1 <= capacity, "the frame is full")
    let target = base + (Self.bodyOffset + used)
    used += count
    messages += 1
    return target
  }

  /// Appends the first `count` bytes of a slot. The caller has asked `fits`.
  @inline(__always)
  mutating func append(_ slot: Slot, count: Int, from arena: borrowing Arena) {
    memcpy(room(count), arena.pointer(slot, offset: 0, count: count), count)
  }

  /// Appends the first `count` bytes of the scratch. The caller has asked `fits`.
  mutating func appendScratch(_ count: Int) {
    precondition(count <= FanOutLimits.messageBytesMax, "longer than the scratch")
    memcpy(room(count), scratch, count)
  }

  /// Appends a gap message. The caller has asked `fits(FanOutLimits.gapBytesMax)`.
  mutating func appendGap(_ gap: borrowing GapText) {
    gap.withBytes { bytes in
      let target = room(bytes.count)
      if let start = bytes.baseAddress { memcpy(target, start, bytes.count) }
    }
  }

  /// Lets `deriver` write into the scratch; the number of bytes, or nil when it failed.
  mutating func derive<Deriver: VariantDeriver>(
    _ variant: MessageVariant, of slot: Slot, count: Int, in arena: borrowing Arena,
    with deriver: Deriver
  ) -> Int? {
    let output = UnsafeMutableRawBufferPointer(
      start: scratch, count: FanOutLimits.messageBytesMax)
    let message = UnsafeRawBufferPointer(
      start: arena.pointer(slot, offset: 0, count: count), count: count)
    guard let length = deriver.derive(variant, from: message.bytes, into: output), length > 0,
      length <= output.count
    else { return nil }
    return length
  }

  func storeScratch(_ count: Int, in slot: Slot, of arena: borrowing Arena) {
    memcpy(arena.pointer(slot, offset: 0, count: count), scratch, count)
  }

  /// Closes the frame: its payload, with the headroom before it.
  mutating func finish() -> UnsafeMutableRawBufferPointer {
    let body = base + Self.bodyOffset
    var opening = 1
    switch encoding {
    case .json:
      body.storeBytes(of: UInt8(ascii: "["), toByteOffset: -1, as: UInt8.self)
      body.storeBytes(of: UInt8(ascii: "]"), toByteOffset: used, as: UInt8.self)
      used += 1
    case .messagePack where messages <= 15:
      body.storeBytes(of: 0x90 | UInt8(messages), toByteOffset: -1, as: UInt8.self)
    case .messagePack:
      opening = 3
      body.storeBytes(of: 0xdc, toByteOffset: -3, as: UInt8.self)
      body.storeBytes(of: UInt8(messages >> 8), toByteOffset: -2, as: UInt8.self)
      body.storeBytes(of: UInt8(messages & 0xff), toByteOffset: -1, as: UInt8.self)
    }
    return UnsafeMutableRawBufferPointer(start: body - opening, count: opening + used)
  }
}
