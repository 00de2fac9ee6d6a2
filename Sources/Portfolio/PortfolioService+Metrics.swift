import Caching
import Credentials
import PostgresClient
import ServiceSupport

extension PortfolioService {
  /// Adds the service's numbers to a scrape.
  func collect(into samples: inout MetricSamples) {
    func counter(_ name: String, _ help: String, _ value: UInt64) {
      samples.counter("tapedeck_portfolio_\(name)_total", help: help, value)
    }
    counter("requests", "Requests taken.", counters.requests)
    counter("requests_refused", "503 since too many were under way.", counters.refused)
    counter("failures", "Requests answered 500 or 503.", counters.failures)
    samples.gauge(
      "tapedeck_portfolio_requests_under_way", help: "Requests at work.", counters.underWay)
    collectPostgres(into: &samples)
    for cache in [cache, durable] { collect(cache.statistics, into: &samples) }
    counter("keys_accepted", "Credentials accepted.", authority.counters.accepted)
    counter("keys_refused", "Credentials refused.", authority.counters.refused)
    counter("keys_limited", "Attempts refused unseen, after too many.", authority.counters.limited)
  }

  private func collectPostgres(into samples: inout MetricSamples) {
    let counters = pool.counters
    func counter(_ name: String, _ help: String, _ value: UInt64) {
      samples.counter("tapedeck_postgres_\(name)_total", help: help, value)
    }
    counter("statements", "Statements sent.", counters.statements)
    counter("transactions", "Transactions begun.", counters.transactions)
    counter("errors", "Statements that the server refused.", counters.errors)
    counter("timeouts", "Statements that took too long.", counters.timeouts)
    counter("refused_full", "Callers refused: too many waiting.", counters.refusedFull)
    counter("refused_late", "Callers refused: no connection in time.", counters.refusedLate)
    counter("connections_lost", "Connections lost.", counters.connectionsLost)
    samples.gauge(
      "tapedeck_postgres_connections", help: "Connections that serve.", counters.connections)
    samples.gauge("tapedeck_postgres_waiters", help: "Callers waiting.", counters.waiters)
  }

  private func collect(_ statistics: CacheStatistics, into samples: inout MetricSamples) {
    for (name, counters) in statistics.classes.sorted(by: { $0.key < $1.key }) {
      func counter(_ metric: String, _ help: String, _ outcome: String, _ value: UInt64) {
        samples.counter(
          "tapedeck_cache_\(metric)_total", help: help,
          labels: [("class", name), ("outcome", outcome)], value)
      }
      let help = "Reads, by where the answer came from."
      counter("reads", help, "local", counters.localHits)
      counter("reads", help, "hit", counters.hits)
      counter("reads", help, "waited", counters.waited)
      counter("reads", help, "miss", counters.misses)
      counter("reads", help, "bypass", counters.bypasses)
    }
  }
}
