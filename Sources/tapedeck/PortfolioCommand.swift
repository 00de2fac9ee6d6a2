import ArgumentParser
import Credentials
import Glibc
import Portfolio
import ServiceSupport
import WebTransport

/// The portfolio service as a process of its own.
struct PortfolioCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "portfolio",
    abstract: "Serve accounts, orders and watchlists of a Postgres database over REST.",
    discussion: """
      Prices come from the Redis that `tapedeck ingest` writes. `tapedeck migrate` makes the tables. \
      More processes of it share everything through Postgres and Redis.
      """)

  @OptionGroup var listening: ListeningOptions
  @OptionGroup var location: RedisLocation
  @OptionGroup var servers: CredentialLocations
  @Option(
    help: "The feed whose bars and trades are shown: replay for tapes (default: the --feed-name).")
  var historyFeed: String?

  @OptionGroup var logs: LogOptions

  func run() throws {
    let command = self
    try runProcess("tapedeck portfolio", logs) { host, source in
      let market = try command.location.url(source)
      guard let servers = try command.servers.configuration(source, market: market) else {
        throw ServiceSupportError(
          .setting, "give --postgres postgresql://[user:password@]host:port/database")
      }
      let (web, certificate) = try command.listening.webConfiguration(source)
      let readiness = Readiness([PortfolioService.checkName])
      let metrics = PrometheusRegistry()
      var configuration = PortfolioService.Configuration(
        postgres: servers.postgres, marketRedis: market, cacheRedis: servers.cache,
        durableRedis: servers.durable, feed: try command.location.feed(source),
        historyFeed: source.string("history-feed", flag: command.historyFeed))
      configuration.proxies = try command.listening.proxies(source)
      let portfolio = try await PortfolioHost.start(
        configuration: configuration, web: web, readiness: readiness, metrics: metrics,
        logger: host.logger)
      host.onStop("portfolio") {
        readiness.end("shutting down")
        await portfolio.close()
      }
      if let certificate {
        CertificateReload.begin(certificate, on: host, metrics: metrics) {
          await portfolio.use($0)
        }
      }
      print("tapedeck portfolio listening \(web.address(port: portfolio.port))")
      fflush(nil)
    }
  }
}
