// JSON that is kept in the cache as the answer that it becomes, behind a word that names the shape's
// version: a process that knows another shape finds no value, instead of the wrong one.
import MarketData

struct CachedJSON: Sendable {
  /// `a1`, for instance.
  let version: String

  func encode(_ json: [UInt8]) -> [UInt8] { Array("\(version) ".utf8) + json }

  /// Nil unless it is of this version and one whole object: whoever wrote it, an answer stays JSON.
  func decode(_ bytes: [UInt8]) -> [UInt8]? {
    let prefix = Array("\(version) ".utf8)
    guard bytes.starts(with: prefix) else { return nil }
    let json = Array(bytes.dropFirst(prefix.count))
    let isObject = json.span.bytes.withUnsafeBytes { bytes in
      var reader = JSONReader(bytes)
      do throws(JSONError) {
        guard case .object = try reader.peek() else { return false }
        try reader.skipValue()
        try reader.end()
        return true
      } catch {
        return false
      }
    }
    return isObject ? json : nil
  }
}
