// Many users who poll their watchlist, against the portfolio service with real servers: the hit rate of
// each class beside what an ideal cache would have reached with the same requests. Time passes faster:
// the users' pauses and every TTL are divided by the same factor.
import ArgumentParser
import Caching
import EventLoops
import Glibc
import Logging
import Portfolio
import PostgresClient
import RedisClient
import ServiceSupport
import WebTransport

struct WatchlistsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watchlists",
    abstract: "Users poll their watchlists: hit rates beside the upper bound of that load.")

  @Option var users = 1_000
  @Option(help: "Of each user's session.") var minutes = 10.0
  @Option(help: "Between two polls.") var pollSeconds = 2.0
  @Option(help: "Over which the users begin.") var arrivalSeconds = 60.0
  @Option(help: "One request in so many is a write.") var writes = 1_000
  @Option(help: "How many times faster time passes.") var compression = 10
  @Option var seed: UInt64 = 7
  @Option(help: "For the private servers (default: a temporary directory).") var state: String?

  func run() throws {
    let command = self
    let own = state == nil ? try WatchlistsCommand.temporaryDirectory() : nil
    guard let path = own ?? state else { return }
    StandardErrorLog.bootstrap(level: .warning)
    let status = ProcessHost.run(
      name: "tapedeck-bench", logger: Logger(label: "bench")
    ) { host in
      try await command.run(on: host, in: path)
      fflush(nil)
      host.requestStop("done")
    }
    if let own { WatchlistsCommand.remove(own) }
    throw ArgumentParser.ExitCode(status)
  }

  private func run(on host: ProcessHost, in path: String) async throws {
    let directory = try StateDirectory.open(path)
    let postgres = try PrivatePostgres(loop: host.loop, directory: directory, logger: host.logger)
    host.onStop("postgres") { await postgres.stop() }
    try await postgres.start()
    var urls: [RedisURL] = []
    for role in [PrivateRedis.Role.market, .durable] {
      let redis = PrivateRedis(
        loop: host.loop, directory: directory, role: role, logger: host.logger)
      host.onStop("redis") { await redis.stop() }
      try await redis.start()
      urls.append(try RedisURL(redis.url))
    }
    let location = try PostgresLocation(postgres.url)
    let accounts = try await WatchlistAccounts.make(users, location, on: host.loop)

    let metrics = PrometheusRegistry()
    let readiness = Readiness([PortfolioService.checkName])
    var configuration = PortfolioService.Configuration(
      postgres: location, marketRedis: urls[0], cacheRedis: urls[0], durableRedis: urls[1],
      feed: "main")
    configuration.cacheOptions.timeDivisor = UInt64(compression)
    configuration.durableOptions.timeDivisor = UInt64(compression)
    let portfolio = try await PortfolioHost.start(
      configuration: configuration, web: WebServerConfiguration(host: "127.0.0.1", port: 0),
      readiness: readiness, metrics: metrics, logger: host.logger)
    host.onStop("portfolio") { await portfolio.close() }
    while !readiness.isReady { await host.loop.sleep(milliseconds: 20) }
    await host.loop.sleep(milliseconds: 500)  // until the caches are believed

    let plan = WatchlistPlan(
      users: users, minutes: minutes, pollSeconds: pollSeconds, arrivalSeconds: arrivalSeconds,
      oneWriteIn: writes, seed: seed)
    let port = portfolio.port
    let compression = compression
    let report = try await Task.detached {
      try WatchlistClients(
        plan, port: port, compression: compression, symbols: accounts.symbols,
        accounts: accounts.users
      ).run()
    }.value
    print(plan, report, CacheReads(of: await metrics.scrape(on: host.loop)))
  }

  private static func temporaryDirectory() throws -> String {
    var template = Array("/tmp/tapedeck-bench-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else {
      throw ServiceSupportError(.directory, "no temporary directory")
    }
    return String(cString: made)
  }

  /// With all that is in it, some of which may belong to another user.
  private static func remove(_ path: String) {
    let texts: [String] = ["rm", "-rf", "--", path]
    var words = texts.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var process: pid_t = 0
    guard posix_spawnp(&process, "rm", nil, nil, &words, nil) == 0 else { return }
    var status: Int32 = 0
    waitpid(process, &status, 0)
  }

  // MARK: - What came out

  private func print(_ plan: WatchlistPlan, _ report: WatchlistClients.Report, _ reads: CacheReads)
  {
    let requests = plan.users.reduce(0) { $0 + $1.requests.count }
    Swift.print("users       \(users), \(plan.users.filter(\.hasSession).count) of them by session")
    Swift.print(
      "load        \(minutes) min, a poll each \(pollSeconds) s, 1 write in \(writes), "
        + "begun over \(arrivalSeconds) s, "
        + "time \(compression) times faster, seed \(seed)")
    Swift.print("requests    \(requests), of them \(plan.writes) writes")
    let rate = Int(Double(report.answers) / report.seconds)
    let times = report.microseconds.sorted()
    let middle = times.isEmpty ? 0 : times[times.count / 2]
    let late = times.isEmpty ? 0 : times[times.count * 99 / 100]
    Swift.print(
      "answers     \(report.answers) in \(tenths(report.seconds)) s, \(rate) a second; "
        + "p50 \(middle) us, p99 \(late) us")
    Swift.print(
      "refused     \(report.refused), reconnects \(report.reconnects), at most "
        + "\(Int(report.latenessMax * 1_000)) ms late")
    Swift.print("class            reads    hit rate   upper bound   difference")
    let bounds = [
      ("watchlist", plan.watchlistBound(ttlSeconds: seconds(CachePolicies.watchlist))),
      ("apikey", plan.keyBound(ttlSeconds: seconds(CachePolicies.apiKey))),
      ("session", plan.sessionBound()),
    ]
    for (name, bound) in bounds { line(name, reads[name], bound.rate) }
    for name in reads.names where !bounds.contains(where: { $0.0 == name }) {
      line(name, reads[name], nil)
    }
  }

  private func line(_ name: String, _ found: CacheReads.Class, _ bound: Double?) {
    var text = name + String(repeating: " ", count: max(1, 12 - name.count))
    let count = "\(found.reads)"
    text += String(repeating: " ", count: max(1, 10 - count.count)) + count
    text += "    \(percent(found.rate))"
    if let bound { text += "      \(percent(bound))       \(points(bound - found.rate)) points" }
    Swift.print(text)
  }

  private func seconds(_ policy: CachePolicy) -> Double { Double(policy.ttlMilliseconds) / 1_000 }
  private func tenths(_ value: Double) -> Double { (value * 10).rounded() / 10 }
  private func points(_ value: Double) -> Double { (value * 10_000).rounded() / 100 }
  private func percent(_ value: Double) -> String { "\(points(value)) %" }
}
