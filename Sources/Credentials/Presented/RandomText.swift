import CCrypto

/// Ids and secrets that the server makes, from libcrypto's generator.
enum RandomText {
  /// base64url of so many random bytes.
  static func make(bytes count: Int) -> String {
    var bytes = [UInt8](repeating: 0, count: count)
    // RAND_bytes: 1 on success; a machine without randomness must not hand out secrets.
    let done = RAND_bytes(&bytes, Int32(count))
    precondition(done == 1, "libcrypto has no random bytes")
    return Base64.encodeURL(bytes)
  }
}
