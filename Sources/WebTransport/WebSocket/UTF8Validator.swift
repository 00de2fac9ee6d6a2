// Checks UTF-8 piece by piece, by the table of RFC 3629: a piece may end inside a character. An error
// is told at the first byte that cannot be right, not at the message's end.

struct UTF8Validator {
  /// Continuation bytes still to come of the character under way.
  private var missing: UInt8 = 0
  /// What the next continuation byte may be; only the first one after a lead byte is ever narrower
  /// than 80...BF (no overlong forms, no surrogates, nothing above U+10FFFF).
  private var low: UInt8 = 0x80
  private var high: UInt8 = 0xbf

  /// No character is cut off here.
  var isComplete: Bool { missing == 0 }

  /// False at an invalid byte; the validator is of no use after that.
  mutating func accept(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    let count = bytes.count
    while index < count {
      if missing == 0 {
        // Text is mostly ASCII: eight bytes at a time.
        while index + 8 <= count,
          bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
        {
          index += 8
        }
        guard index < count else { break }
      }
      guard accept(bytes[index]) else { return false }
      index += 1
    }
    return true
  }

  /// The same of masked bytes (RFC 6455, 5.3). The lowest byte of `mask` is the next one to use, before
  /// and after.
  mutating func accept(_ bytes: UnsafeRawBufferPointer, mask: inout UInt32) -> Bool {
    var index = 0
    let count = bytes.count
    while index < count {
      if missing == 0 {
        let eight = UInt64(mask) << 32 | UInt64(mask)
        while index + 8 <= count,
          (bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) ^ eight)
            & 0x8080_8080_8080_8080 == 0
        {
          index += 8
        }
        guard index < count else { break }
      }
      guard accept(bytes[index] ^ UInt8(truncatingIfNeeded: mask)) else { return false }
      mask = mask >> 8 | mask << 24
      index += 1
    }
    return true
  }

  private mutating func accept(_ byte: UInt8) -> Bool {
    guard missing > 0 else { return start(byte) }
    guard low <= byte, byte <= high else { return false }
    low = 0x80
    high = 0xbf
    missing -= 1
    return true
  }

  private mutating func start(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x00...0x7f: return true
    case 0xc2...0xdf: missing = 1
    case 0xe0: (missing, low) = (2, 0xa0)
    case 0xed: (missing, high) = (2, 0x9f)
    case 0xe1...0xef: missing = 2
    case 0xf0: (missing, low) = (3, 0x90)
    case 0xf4: (missing, high) = (3, 0x8f)
    case 0xf1...0xf3: missing = 3
    default: return false
    }
    return true
  }
}
