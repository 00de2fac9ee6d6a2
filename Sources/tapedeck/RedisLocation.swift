import ArgumentParser
import RedisClient
import ServiceSupport

/// The Redis of the market for a service that runs as a process of its own, and the feed's name there.
struct RedisLocation: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "redis://[user:password@]host:port/db or unix:///path. A password is better given by "
        + "TAPEDECK_REDIS: other users can read a command line.", valueName: "url"))
  var redis: String?

  @Option(help: "The feed's name in Redis' keys (default: main).")
  var feedName: String?

  /// The URL; its errors never show a password.
  func url(_ source: OptionSource) throws -> RedisURL {
    guard let url = try RedisLocation.url("redis", flag: redis, source) else {
      throw ServiceSupportError(
        .setting, "give --redis redis://[user:password@]host:port/db or unix:///path")
    }
    return url
  }

  /// What an option names, which the process list does not show from here on; nil when it is not given.
  static func url(_ name: String, flag: String?, _ source: OptionSource) throws -> RedisURL? {
    guard let text = source.string(name, flag: flag) else { return nil }
    if let flag { HiddenCredentials.hide(in: flag) }
    do {
      return try RedisURL(text)
    } catch {
      let place = flag == nil ? OptionSource.variable(for: name) : "--\(name)"
      throw ServiceSupportError(.setting, "\(place): \(error)")
    }
  }

  func feed(_ source: OptionSource) throws -> String {
    let expected = "1 to 32 of a-z, 0-9, _ and -"
    return try source.value("feed-name", flag: feedName, expected: expected) { text in
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
