import ArgumentParser
import Credentials
import PostgresClient
import RedisClient
import ServiceSupport

/// Where keys, sessions and what is cached of them are.
struct CredentialLocations: ParsableArguments {
  @OptionGroup var database: DatabaseLocation

  @Option(
    help: ArgumentHelp(
      "The Redis for what is cached of the database (default: the one of --redis).",
      valueName: "url"))
  var cacheRedis: String?

  @Option(
    help: ArgumentHelp(
      "The Redis that keeps sessions, with an append-only file (default: the one of --redis).",
      valueName: "url"))
  var durableRedis: String?

  /// Nil without a database.
  func configuration(
    _ source: OptionSource, market: RedisURL
  ) throws -> CredentialParts.Configuration? {
    let cache = try RedisLocation.url("cache-redis", flag: cacheRedis, source)
    let durable = try RedisLocation.url("durable-redis", flag: durableRedis, source)
    guard let postgres = try database.optional(source) else { return nil }
    return CredentialParts.Configuration(
      postgres: postgres, cache: cache ?? market, durable: durable ?? market)
  }
}
