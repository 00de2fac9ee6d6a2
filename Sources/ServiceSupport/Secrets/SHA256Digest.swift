import CCrypto

/// The SHA-256 of some bytes. Comparing two takes the same time wherever they differ.
public struct SHA256Digest: Sendable {
  private let words: InlineArray<4, UInt64>

  /// `bytes` may be empty.
  public init(of bytes: UnsafeRawBufferPointer) {
    var words = InlineArray<4, UInt64>(repeating: 0)
    let empty: UInt8 = 0
    var span = words.mutableSpan
    let done = span.withUnsafeMutableBytes { out in
      withUnsafePointer(to: empty) { empty in
        EVP_Digest(
          bytes.baseAddress ?? UnsafeRawPointer(empty), bytes.count,
          out.baseAddress!.assumingMemoryBound(to: UInt8.self), nil, EVP_sha256(), nil)
      }
    }
    precondition(done == 1, "libcrypto has no SHA-256")
    self.words = words
  }

  public init(of text: String) {
    var text = text
    self = text.withUTF8 { SHA256Digest(of: UnsafeRawBufferPointer($0)) }
  }

  /// A digest made earlier: exactly 32 bytes.
  public init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 32 else { return nil }
    var words = InlineArray<4, UInt64>(repeating: 0)
    var span = words.mutableSpan
    span.withUnsafeMutableBytes { $0.copyBytes(from: bytes) }
    self.words = words
  }

  /// A digest made earlier, as `hexadecimal` gives it.
  public init?(hexadecimal text: some StringProtocol) {
    let digits = text.utf8.map { byte -> UInt8 in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
      default: 255
      }
    }
    guard digits.count == 64, !digits.contains(255) else { return nil }
    self.init(bytes: stride(from: 0, to: 64, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
  }

  /// Constant time (CRYPTO_memcmp: "the amount of time ... is not dependent on the contents").
  public func matches(_ other: SHA256Digest) -> Bool {
    words.span.withUnsafeBytes { mine in
      other.words.span.withUnsafeBytes { theirs in
        CRYPTO_memcmp(mine.baseAddress!, theirs.baseAddress!, mine.count) == 0
      }
    }
  }

  /// The 32 bytes.
  public var bytes: [UInt8] { words.span.withUnsafeBytes { Array($0) } }

  /// 64 lower-case hexadecimal digits.
  public var hexadecimal: String {
    words.span.withUnsafeBytes { bytes in
      let digits = Array("0123456789abcdef".utf8)
      return String(
        decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
  }
}
