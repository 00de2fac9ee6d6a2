import ServiceSupport

/// What `session:{id}` holds in Redis, and a row of sessions that is open: the digest of the secret and
/// whose it is. When it runs out is not in it: in Redis that is the key's own time to live, in Postgres
/// `last_seen`. A session that has ended has no value.
struct StoredSession: Sendable {
  var digest: SHA256Digest
  var userID: String
  var accountID: String
  /// The key that opened it; nil when that is not known.
  var keyID: String?

  init(digest: SHA256Digest, userID: String, accountID: String, keyID: String?) {
    self.digest = digest
    self.userID = userID
    self.accountID = accountID
    self.keyID = keyID
  }

  /// `s1 <digest> <user> <account> <key>`; a lone `-` is no key.
  func encode() -> [UInt8] {
    Array("s1 \(digest.hexadecimal) \(userID) \(accountID) \(keyID ?? "-")".utf8)
  }

  init?(decoding bytes: [UInt8]) {
    guard let words = StoredWords.read(bytes, version: "s1", count: 5),
      let digest = SHA256Digest(hexadecimal: words[1]), StoredWords.isUUID(words[2]),
      StoredWords.isUUID(words[3]), PresentedCredentials.isKeyID(words[4])
    else { return nil }
    self.init(
      digest: digest, userID: String(words[2]), accountID: String(words[3]),
      keyID: words[4] == "-" ? nil : String(words[4]))
  }
}
