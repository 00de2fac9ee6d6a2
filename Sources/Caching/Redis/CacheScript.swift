// Every Lua script of the cache. KEYS[1] is the key, KEYS[2] its lease, `lease:{key}`: the braces make
// Redis Cluster hash what stands between them, so both live in one slot. What a script does happens
// at once; that is what makes a lease a mutex and a fill a compare-and-set.
//
// A lease holds its owner's token, and a `w` behind it once another reader waits: only then does the
// end of the lease publish.
import CCrypto

/// A script and its digest.
struct CacheScript: Sendable {
  let text: String
  /// The SHA-1 by which Redis knows it, 40 hexadecimal digits.
  let digest: String

  init(_ text: String) {
    self.text = text
    digest = CacheScript.sha1(text)
  }

  /// The value, or a lease for the first asker, or `wait` for the others.
  /// ARGV: token, lease's milliseconds, milliseconds by which reading prolongs the value (0: not).
  /// Answer: {1, value, milliseconds left}, {2} leased, {3} wait.
  static let readOrLease = CacheScript(
    """
    local value
    if ARGV[3] == '0' then
      value = redis.call('GET', KEYS[1])
    else
      value = redis.call('GETEX', KEYS[1], 'PX', ARGV[3])
      if value and string.find(value, '^%d+%?$') then value = false end
    end
    if value then return {1, value, redis.call('PTTL', KEYS[1])} end
    local lease = redis.call('GET', KEYS[2])
    if not lease then
      redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
      return {2}
    end
    if string.sub(lease, -1) ~= 'w' then
      redis.call('SET', KEYS[2], lease .. 'w', 'XX', 'KEEPTTL')
    end
    return {3}
    """)

  /// Ends the lease if it is still the caller's, and stores the value, unless ARGV[2] is empty.
  /// ARGV: token, value, its milliseconds. Answer: 1 it was the caller's, 0 it was not.
  static let settle = CacheScript(
    """
    local lease = redis.call('GET', KEYS[2])
    local waited = lease == ARGV[1] .. 'w'
    if lease ~= ARGV[1] and not waited then return 0 end
    redis.call('DEL', KEYS[2])
    if ARGV[2] ~= '' then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
    if waited then redis.call('PUBLISH', '\(CacheChannel.filled)', KEYS[1]) end
    return 1
    """)

  /// Deletes value and lease and tells every process. Answer: how many values there were.
  static let invalidate = CacheScript(
    """
    local count = redis.call('DEL', KEYS[1])
    redis.call('DEL', KEYS[2])
    redis.call('PUBLISH', '\(CacheChannel.invalidate)', KEYS[1])
    return count
    """)

  /// As `invalidate` for a write-through value: its version stays, so that an older write which
  /// arrives late is still seen to be older.
  static let forget = CacheScript(
    """
    local held = redis.call('GET', KEYS[1])
    local version = held and string.match(held, '^(%d+)')
    if version then
      redis.call('SET', KEYS[1], version .. '?', 'XX', 'KEEPTTL')
    elseif held then
      redis.call('DEL', KEYS[1])
    end
    redis.call('DEL', KEYS[2])
    redis.call('PUBLISH', '\(CacheChannel.invalidate)', KEYS[1])
    return held and 1 or 0
    """)

  /// Sets a write-through value if its version is newer than the one held, or equal to a forgotten
  /// one. Ends the lease of a reader that has read before. Versions are compared as text of equal
  /// length, for Lua's numbers are exact only to 2^53.
  /// ARGV: version, value, its milliseconds. Answer: 1 set, 0 a newer one is there.
  static let setIfNewer = CacheScript(
    """
    local held = redis.call('GET', KEYS[1])
    local version, mark = string.match(held or '', '^(%d+)(.)')
    if version then
      local width = math.max(#version, #ARGV[1])
      local old = string.rep('0', width - #version) .. version
      local new = string.rep('0', width - #ARGV[1]) .. ARGV[1]
      if old > new or (old == new and mark ~= '?') then return 0 end
    end
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
    redis.call('DEL', KEYS[2])
    redis.call('PUBLISH', '\(CacheChannel.invalidate)', KEYS[1])
    return 1
    """)

  static let all = [readOrLease, settle, invalidate, forget, setIfNewer]

  private static func sha1(_ text: String) -> String {
    var bytes = [UInt8](repeating: 0, count: 20)
    var text = text
    let done = text.withUTF8 { EVP_Digest($0.baseAddress, $0.count, &bytes, nil, EVP_sha1(), nil) }
    precondition(done == 1, "libcrypto has no SHA-1")
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

/// Channels that every process with a cache listens to; every node of a cluster passes them on.
enum CacheChannel {
  /// The key that was written.
  static let invalidate = "cache:invalidate"
  /// The pattern of keys that were.
  static let invalidatePattern = "cache:invalidate:pattern"
  /// The key whose lease has ended: its waiters may ask again.
  static let filled = "cache:filled"
}

enum CacheKey {
  private static let open = Array("lease:{".utf8)

  static func lease(of key: [UInt8]) -> [UInt8] { open + key + [UInt8(ascii: "}")] }

  /// The key that a lease is for; nil when it is no lease.
  static func leased(_ lease: [UInt8]) -> [UInt8]? {
    guard lease.starts(with: open), lease.last == UInt8(ascii: "}") else { return nil }
    return Array(lease[open.count..<(lease.count - 1)])
  }
}
