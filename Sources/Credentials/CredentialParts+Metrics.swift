import Caching
import PostgresClient
public import ServiceSupport

extension CredentialParts {
  /// The numbers of the caches, of Postgres and of the authority, for a scrape.
  public func collect(into samples: inout MetricSamples) {
    for cache in [cache, sessions.cache] {
      for (name, counters) in cache.statistics.classes { collect(name, counters, into: &samples) }
    }
    collectCache(into: &samples)
    collectDatabase(into: &samples)
    collectAuthority(into: &samples)
  }

  /// Of one class of keys.
  private func collect(
    _ name: String, _ counters: CacheCounters, into samples: inout MetricSamples
  ) {
    func reads(_ outcome: String, _ value: UInt64) {
      samples.counter(
        "tapedeck_cache_reads_total", help: "Reads of cached classes by what became of them.",
        labels: [("class", name), ("outcome", outcome)], value)
    }
    reads("local_hit", counters.localHits)
    reads("hit", counters.hits)
    reads("waited", counters.waited)
    reads("miss", counters.misses)
    for (reason, count) in counters.bypassed { reads("bypass_\(reason)", count) }
    let labels: MetricLabels = [("class", name)]
    samples.gauge(
      "tapedeck_cache_hit_rate", help: "Share of reads without a query since the start.",
      labels: labels, counters.hitRate ?? 0)
    func counter(_ name: String, _ help: String, _ value: UInt64) {
      samples.counter("tapedeck_cache_\(name)_total", help: help, labels: labels, value)
    }
    counter("loads", "Times the database was asked.", counters.loads)
    counter("load_errors", "Of those, without an answer.", counters.loadErrors)
    counter("refreshes", "Loaded ahead of expiry.", counters.refreshes)
    counter("fills_refused", "Values whose lease had ended: not stored.", counters.fillsRefused)
    counter("malformed", "Values not of our making: deleted.", counters.malformed)
  }

  private func collectCache(into samples: inout MetricSamples) {
    for (role, cache) in [("cache", cache), ("durable", sessions.cache)] {
      let labels: MetricLabels = [("role", role)]
      let numbers = cache.statistics
      func counter(_ name: String, _ help: String, _ value: UInt64) {
        samples.counter("tapedeck_cache_\(name)_total", help: help, labels: labels, value)
      }
      counter("invalidations", "Keys deleted because they were written.", numbers.invalidations)
      counter(
        "invalidations_delayed", "Of those, told Redis later.", numbers.invalidationsDelayed)
      counter("synchronizations", "Times the log was worked through.", numbers.synchronizations)
      counter("redis_errors", "Errors that Redis answered.", numbers.redisErrors)
      counter("unanswered", "Commands without an answer in time.", numbers.unanswered)
      counter("breaker_openings", "Times Redis was left alone.", numbers.breakerOpenings)
      samples.gauge(
        "tapedeck_cache_available", help: "1 while Redis is asked and believed.", labels: labels,
        cache.isAvailable ? 1 : 0)
      samples.gauge(
        "tapedeck_cache_local_entries", help: "Values kept in the process.", labels: labels,
        cache.localCount)
    }
  }

  private func collectDatabase(into samples: inout MetricSamples) {
    let numbers = pool.counters
    func counter(_ name: String, _ help: String, _ value: UInt64) {
      samples.counter("tapedeck_postgres_\(name)_total", help: help, value)
    }
    func gauge(_ name: String, _ help: String, _ value: Int) {
      samples.gauge("tapedeck_postgres_\(name)", help: help, value)
    }
    counter("statements", "Statements.", numbers.statements)
    counter("transactions", "Transactions of more than one statement.", numbers.transactions)
    counter("errors", "Statements that the server refused.", numbers.errors)
    counter("timeouts", "Statements not answered in time.", numbers.timeouts)
    counter("commits_unknown", "Commits whose outcome is unknown.", numbers.commitsUnknown)
    counter("refused", "Callers over the bound.", numbers.refusedFull &+ numbers.refusedLate)
    counter("connects", "Sessions opened.", numbers.connects)
    counter("connect_failures", "Attempts that failed.", numbers.connectFailures)
    counter("connections_lost", "Sessions lost.", numbers.connectionsLost)
    gauge("connections", "Sessions open.", numbers.connections)
    gauge("statements_under_way", "Statements under way.", numbers.statementsUnderWay)
    gauge("waiters", "Callers that wait for a session.", numbers.waiters)
    gauge("listening", "1 while the database tells what was written.", feed.isListening ? 1 : 0)
  }

  private func collectAuthority(into samples: inout MetricSamples) {
    let numbers = authority.counters
    func counter(_ name: String, _ help: String, _ value: UInt64) {
      samples.counter("tapedeck_credentials_\(name)_total", help: help, value)
    }
    counter("accepted", "Credentials accepted.", numbers.accepted)
    counter("refused", "Credentials refused.", numbers.refused)
    counter("limited", "Attempts over the limit of failures.", numbers.limited)
    counter("unavailable", "Questions that nobody could answer.", numbers.unavailable)
    counter("revoked_streams", "Streams ended by a revocation.", numbers.revokedStreams)
    counter("rechecks", "Times all open streams were checked.", numbers.rechecks)
  }
}
