// The numbers of an ingester.
import Feeds
package import ServiceSupport
import Upstream

extension IngestLoop {
  package func collect(into samples: inout MetricSamples) {
    let labels: MetricLabels = [("feed", configuration.feed)]
    func counter(_ name: String, _ help: String, _ value: UInt64) {
      samples.counter("tapedeck_ingest_\(name)_total", help: help, labels: labels, value)
    }
    let counters = board.counters
    counter("events", "Events taken from the feed.", counters.events)
    counter("writes", "Values written because they changed.", counters.writes)
    counter("refreshes", "Values written again before they expire.", counters.refreshes)
    counter("last_prices", "Last prices written for the day.", counters.lastPrices)
    counter("publications", "Messages published.", counters.publications)
    counter("conflated", "States overtaken before they were written.", counters.conflated)
    counter("trades_dropped", "Trades lost because Redis took none.", counters.tradesDropped)
    collectBars(counter)
    let feed = origin.context.counters
    counter("malformed_lines", "Lines of the tape skipped as malformed.", feed.malformedLines)
    counter("feed_gaps", "Holes in the feed's own numbering.", feed.gaps)
    counter(
      "impossible_changes", "Changes of orders that their books cannot make.",
      feed.impossibleChanges)
    if case .upstream(let feed) = origin {
      counter("upstream_connects", "Attempts to reach the upstream.", feed.link.counters.connects)
      counter("upstream_messages", "Market messages of the upstream.", feed.link.counters.messages)
      counter("upstream_losses", "Times that a symbol's trades may be missing.", feed.losses)
      samples.gauge(
        "tapedeck_ingest_upstream_live", help: "Whether the upstream is live.", labels: labels,
        feed.link.isLive ? 1 : 0)
    }
    samples.gauge(
      "tapedeck_ingest_stale_symbols", help: "Symbols that cannot be vouched for.", labels: labels,
      board.staleSymbolCount)
  }
}
