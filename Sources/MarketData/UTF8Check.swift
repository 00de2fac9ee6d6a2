// UTF-8 by the Unicode standard's table 3-7: no overlong form, no surrogate, nothing above
// U+10FFFF.

enum UTF8Check {
  static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var at = 0
    while at < bytes.count {
      let length = sequenceLength(bytes, at: at)
      if length == 0 { return false }
      at += length
    }
    return true
  }

  /// The length of the well-formed sequence that begins at `at` (which is inside), or 0.
  static func sequenceLength(_ bytes: UnsafeRawBufferPointer, at: Int) -> Int {
    let first = bytes[at]
    if first < 0x80 { return 1 }
    // The second byte's range is what excludes overlong forms, surrogates and the far end.
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch first {
    case 0xC2...0xDF: length = 2
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: length = 3
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    case 0xF1...0xF3: length = 4
    default: return 0
    }
    guard bytes.count - at >= length, second.contains(bytes[at + 1]) else { return 0 }
    for offset in 2..<max(length, 2) where bytes[at + offset] & 0xC0 != 0x80 { return 0 }
    return length
  }
}
