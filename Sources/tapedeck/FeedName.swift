import Feeds
import ServiceSupport

/// The name of a feed in Redis' keys.
extension Tapedeck {
  static func feedName(_ source: OptionSource, flag: String?) throws -> String {
    let expected = "1 to 32 of a-z, 0-9, _ and -"
    return try source.value("feed-name", flag: flag, expected: expected) { text in
      let allowed = text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
          UInt8(ascii: "_"), UInt8(ascii: "-"):
          true
        default: false
        }
      }
      return allowed && 1...32 ~= text.utf8.count ? text : nil
    } ?? "main"
  }
}
