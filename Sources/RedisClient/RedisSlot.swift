/// Redis Cluster's key space: 16,384 slots, the slot of a key is CRC16 of its hash tag, or of the
/// whole key. Source: Redis Cluster specification, "Key distribution model", appendix A (CRC-16
/// XMODEM: polynomial 0x1021, start 0, no reflection).
public enum RedisSlot {
  public static let count: UInt16 = 16_384

  /// The slot of `key`. The tag is what stands between the first `{` and the first `}` after it, when
  /// that is not empty.
  public static func hashSlot(_ key: RawSpan) -> UInt16 {
    let open = UInt8(ascii: "{")
    let close = UInt8(ascii: "}")
    var from = 0
    var to = key.byteCount
    if let first = index(of: open, in: key, from: 0),
      let last = index(of: close, in: key, from: first + 1), last > first + 1
    {
      from = first + 1
      to = last
    }
    return crc16(key, from: from, to: to) % count
  }

  private static func index(of byte: UInt8, in key: RawSpan, from: Int) -> Int? {
    for at in from..<key.byteCount where key.unsafeLoad(fromByteOffset: at, as: UInt8.self) == byte
    {
      return at
    }
    return nil
  }

  static func crc16(_ bytes: RawSpan, from: Int, to: Int) -> UInt16 {
    var crc: UInt16 = 0
    for at in from..<to {
      let byte = bytes.unsafeLoad(fromByteOffset: at, as: UInt8.self)
      crc = (crc << 8) ^ table[Int(UInt8(truncatingIfNeeded: crc >> 8) ^ byte)]
    }
    return crc
  }

  private static let table: [UInt16] = (0..<256).map { byte in
    var crc = UInt16(byte) << 8
    for _ in 0..<8 { crc = crc & 0x8000 != 0 ? (crc << 1) ^ 0x1021 : crc << 1 }
    return crc
  }
}
