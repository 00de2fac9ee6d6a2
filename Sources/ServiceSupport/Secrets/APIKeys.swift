// The API keys of a process that gets them from its settings: `key1:secret1,key2:secret2` in
// TAPEDECK_KEYS, or one `key:secret` a line in the file that TAPEDECK_KEYS_FILE names.
//
// Only the SHA-256 of a secret is kept. Whether a key id exists cannot be told from how long the
// answer takes: an unknown id is compared too, with a digest that nothing has. Immutable, so every
// thread may ask. Does not limit attempts; the gateway does.

public struct APIKeys: Sendable {
  private let index: [String: Int]
  private let digests: [SHA256Digest]
  /// Compared for an unknown id, and the result thrown away.
  private let decoy = SHA256Digest(of: "")

  /// Keys as `id` and `secret`. Ids are printable ASCII without `:` and `,`, each once.
  public init(_ pairs: [(id: String, secret: Secret)]) throws(ServiceSupportError) {
    guard pairs.count <= ServiceSupportLimits.keysMax else {
      throw ServiceSupportError(
        .setting, "\(pairs.count) keys; at most \(ServiceSupportLimits.keysMax) are allowed")
    }
    var index: [String: Int] = [:]
    var digests: [SHA256Digest] = []
    for (place, pair) in pairs.enumerated() {
      // The id is not a secret, but the text before the first colon may be one by mistake: it is not
      // shown either.
      guard (1...ServiceSupportLimits.keyIDBytesMax).contains(pair.id.utf8.count),
        pair.id.utf8.allSatisfy({ (33...126).contains($0) })
      else {
        throw ServiceSupportError(
          .setting,
          "key \(place + 1): the id must be 1 to \(ServiceSupportLimits.keyIDBytesMax) printable "
            + "ASCII characters")
      }
      let secret = pair.secret.reveal()
      guard (1...ServiceSupportLimits.secretBytesMax).contains(secret.utf8.count) else {
        throw ServiceSupportError(
          .setting,
          "key \(place + 1): the secret must be 1 to \(ServiceSupportLimits.secretBytesMax) bytes")
      }
      guard index.updateValue(place, forKey: pair.id) == nil else {
        throw ServiceSupportError(.setting, "key \(place + 1): its id is there already")
      }
      digests.append(SHA256Digest(of: secret))
    }
    self.index = index
    self.digests = digests
  }

  /// Reads `id:secret` entries separated by commas or line ends; spaces around an entry, empty
  /// entries and lines that begin with `#` are left out. A secret may hold further colons.
  public init(parsing text: String) throws(ServiceSupportError) {
    var pairs: [(id: String, secret: Secret)] = []
    for line in text.split(whereSeparator: \.isNewline) {
      let line = line.drop(while: \.isWhitespace)
      guard line.first != "#" else { continue }
      for entry in line.split(separator: ",") {
        let entry = entry.trimmingSpaces()
        guard !entry.isEmpty else { continue }
        guard let colon = entry.firstIndex(of: ":") else {
          throw ServiceSupportError(.setting, "key \(pairs.count + 1): no colon in `id:secret`")
        }
        pairs.append(
          (String(entry[..<colon]), Secret(String(entry[entry.index(after: colon)...]))))
      }
    }
    try self.init(pairs)
  }

  public var count: Int { digests.count }

  /// Each id with what is kept of its secret, by id.
  public var entries: [(id: String, digest: SHA256Digest)] {
    index.sorted { $0.key < $1.key }.map { ($0.key, digests[$0.value]) }
  }
  public var isEmpty: Bool { digests.isEmpty }

  /// The place of the key that `id` and `secret` open (0 ..< `count`), or nil. The same work is done
  /// for an unknown id as for a wrong secret.
  public func match(id: String, secret: String) -> Int? {
    let offered = SHA256Digest(of: secret)
    let place = index[id]
    let expected = place.map { digests[$0] } ?? decoy
    let same = expected.matches(offered)
    return same ? place : nil
  }
}

extension Substring {
  func trimmingSpaces() -> Substring {
    var text = drop(while: \.isWhitespace)
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return text
  }
}
