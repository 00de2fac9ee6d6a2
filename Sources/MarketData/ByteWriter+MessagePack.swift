// MessagePack, as clients receive it: each value in its shortest form, strings always as str.

extension ByteWriter {
  public mutating func packNil() { append(0xC0) }

  public mutating func packBool(_ value: Bool) { append(value ? 0xC3 : 0xC2) }

  @inline(__always)
  public mutating func packUnsigned(_ value: UInt64) {
    switch value {
    case 0..<0x80: append(UInt8(value))
    case 0x80...0xFF:
      append(0xCC)
      append(UInt8(value))
    case 0x100...0xFFFF:
      append(0xCD)
      append(bigEndian: UInt16(value))
    case 0x1_0000...0xFFFF_FFFF:
      append(0xCE)
      append(bigEndian: UInt32(value))
    default:
      append(0xCF)
      append(bigEndian: value)
    }
  }

  @inline(__always)
  public mutating func packInteger(_ value: Int64) {
    if value >= 0 { return packUnsigned(UInt64(value)) }
    switch value {
    case -0x20..<0: append(UInt8(truncatingIfNeeded: value))
    case -0x80..<0:
      append(0xD0)
      append(UInt8(truncatingIfNeeded: value))
    case -0x8000..<0:
      append(0xD1)
      append(bigEndian: Int16(value))
    case -0x8000_0000..<0:
      append(0xD2)
      append(bigEndian: Int32(value))
    default:
      append(0xD3)
      append(bigEndian: value)
    }
  }

  @inline(__always)
  public mutating func packFloat64(_ value: Double) {
    append(0xCB)
    append(bigEndian: value.bitPattern)
  }

  /// The header of a map: `count` keys, each followed by its value.
  public mutating func packMap(count: Int) { packHeader(count, fixed: 0x80, wide: 0xDE) }

  /// The header of an array of `count` values.
  public mutating func packArray(count: Int) { packHeader(count, fixed: 0x90, wide: 0xDC) }

  private mutating func packHeader(_ count: Int, fixed: UInt8, wide: UInt8) {
    switch count {
    case 0..<16: append(fixed | UInt8(count))
    case 16...0xFFFF:
      append(wide)
      append(bigEndian: UInt16(count))
    default:
      append(wide + 1)
      append(bigEndian: UInt32(count))
    }
  }

  /// The header of a string of `count` bytes of UTF-8.
  @inline(__always)
  mutating func packStringHeader(count: Int) {
    switch count {
    case 0..<32: append(0xA0 | UInt8(count))
    case 32...0xFF:
      append(0xD9)
      append(UInt8(count))
    case 0x100...0xFFFF:
      append(0xDA)
      append(bigEndian: UInt16(count))
    default:
      append(0xDB)
      append(bigEndian: UInt32(count))
    }
  }

  @inline(__always)
  public mutating func packString(_ text: StaticString) {
    packStringHeader(count: text.utf8CodeUnitCount)
    append(text)
  }

  /// Packs a string made at run time; literals take the overload for `StaticString`.
  public mutating func packString(text: String) {
    packStringHeader(count: text.utf8.count)
    append(text: text)
  }

  /// Packs bytes that the caller knows to be UTF-8.
  @inline(__always)
  public mutating func packString(utf8 bytes: RawSpan) {
    packStringHeader(count: bytes.byteCount)
    append(bytes)
  }

  /// The timestamp extension, type -1, in its 8-byte form (`d7 ff`, nanoseconds << 34 | seconds),
  /// which ends in 2514; before 1970 in the 12-byte form (`c7 0c ff`), which has signed seconds.
  @inline(__always)
  public mutating func packTimestamp(_ timestamp: Timestamp) {
    let perSecond = Timestamp.nanosecondsPerSecond
    let (seconds, nanos) = timestamp.nanoseconds.quotientAndRemainder(dividingBy: perSecond)
    if timestamp.nanoseconds >= 0 {
      append(bigEndian: 0xD7FF as UInt16)
      append(bigEndian: UInt64(nanos) << 34 | UInt64(seconds))
    } else {
      append(0xC7)
      append(bigEndian: 0x0CFF as UInt16)
      append(bigEndian: UInt32(nanos < 0 ? nanos + perSecond : nanos))
      append(bigEndian: nanos < 0 ? seconds - 1 : seconds)
    }
  }
}
