// What `apikey:{id}` holds in Redis and in a process's L1: one line of words, with the SHA-256 of the
// secret and never the secret. Read as bytes from anybody: what is not exactly so is no value.
public import ServiceSupport

/// A row of api_keys, as far as authentication needs it.
public struct StoredKey: Sendable {
  public var digest: SHA256Digest
  /// UUIDs in lower case.
  public var userID: String
  public var accountID: String
  public var isRevoked: Bool

  public init(digest: SHA256Digest, userID: String, accountID: String, isRevoked: Bool) {
    self.digest = digest
    self.userID = userID
    self.accountID = accountID
    self.isRevoked = isRevoked
  }
}

extension StoredKey {
  /// `k1 <digest> <user> <account> <open|revoked>`.
  func encode() -> [UInt8] {
    Array("k1 \(digest.hexadecimal) \(userID) \(accountID) \(isRevoked ? "revoked" : "open")".utf8)
  }

  init?(decoding bytes: [UInt8]) {
    guard let words = StoredWords.read(bytes, version: "k1", count: 5),
      let digest = SHA256Digest(hexadecimal: words[1]), StoredWords.isUUID(words[2]),
      StoredWords.isUUID(words[3]), words[4] == "open" || words[4] == "revoked"
    else { return nil }
    self.init(
      digest: digest, userID: String(words[2]), accountID: String(words[3]),
      isRevoked: words[4] == "revoked")
  }
}

enum StoredWords {
  /// The words of a value; nil when it is of another version or another shape.
  static func read(_ bytes: [UInt8], version: String, count: Int) -> [Substring]? {
    guard bytes.count <= 512, let text = String(validating: bytes, as: UTF8.self) else {
      return nil
    }
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    return words.count == count && words[0] == version ? words : nil
  }

  /// As Postgres prints one.
  static func isUUID(_ text: Substring) -> Bool {
    guard text.utf8.count == 36 else { return false }
    return text.utf8.enumerated().allSatisfy { place, byte in
      switch place {
      case 8, 13, 18, 23: byte == UInt8(ascii: "-")
      default:
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
          || UInt8(ascii: "a")...UInt8(ascii: "f") ~= byte
      }
    }
  }
}
