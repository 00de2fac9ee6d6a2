import EventLoops
import FanOut
package import ServiceSupport

extension StreamLoop {
  /// The loop's numbers for a scrape.
  package func collect(into samples: inout MetricSamples) {
    collectWeb(into: &samples)
    let labels: MetricLabels = [("loop", loop.name)]
    func counter(_ name: String, _ help: String, _ value: UInt64) {
      samples.counter("tapedeck_gateway_\(name)_total", help: help, labels: labels, value)
    }
    func gauge(_ name: String, _ help: String, _ value: Int) {
      samples.gauge("tapedeck_gateway_\(name)", help: help, labels: labels, Double(value))
    }
    counter("messages", "Messages from Redis.", counters.messages)
    counter("messages_dropped", "Messages not newer than what was seen.", counters.dropped)
    counter("messages_malformed", "Messages that are not as they should be.", counters.malformed)
    counter("gaps", "Losses of events announced.", counters.gaps)
    counter("stale_notices", "Topics called stale.", counters.staleNotices)
    counter("flushes", "Flushes to clients.", counters.flushes)
    counter("auth_failures", "Refused credentials.", counters.authenticationFailures)
    counter("revoked", "Streams closed since their credentials were revoked.", counters.revoked)
    counter(
      "auth_limited", "Attempts over the limit of failures.", counters.authenticationsLimited)
    counter(
      "auth_timeouts", "Clients closed because they did not authenticate.",
      counters.authenticationTimeouts)
    counter(
      "connections_refused", "Clients refused because their key has enough connections.",
      counters.connectionsRefused)
    counter(
      "symbols_refused", "Subscribes over a limit of names.", counters.symbolsRefused)
    counter(
      "talkative_clients", "Clients closed because they said too much.",
      counters.talkativeClients)
    counter("client_errors", "Errors told to clients.", counters.clientErrors)
    counter("goodbyes", "Clients told that the server stops.", counters.goodbyes)
    counter("slow_clients", "Clients closed because they did not read.", counters.slowClients)
    counter("join_reads", "Values read when topics were joined.", counters.joinReads)
    collectFreshness(into: &samples)
    let fanOut = distributor.counters
    counter("delivered", "Messages delivered to clients.", fanOut.messages)
    counter("frames", "Frames delivered to clients.", fanOut.frames)
    counter("bytes", "Bytes of those frames.", fanOut.bytes)
    counter("conflated", "States overtaken before they were sent.", fanOut.conflated)
    counter("derivations", "Encodings derived from JSON.", fanOut.derivations)
    counter(
      "derivation_failures", "Messages without a derived encoding.", fanOut.derivationFailures)
    counter(
      "refused", "Messages too large or without room.",
      fanOut.refusedForSize &+ fanOut.refusedForMemory)
    gauge("clients", "WebSocket clients.", sessions.count)
    gauge("held_bytes", "Bytes held back until credentials are looked up.", held.bytes)
    gauge("topics", "Topics held by anybody.", directory.count)
    let memory = distributor.memory
    gauge("subscriptions", "Subscriptions of all clients.", memory.subscriptions)
    gauge("message_bytes", "Bytes of messages kept for clients.", memory.arenaBytesUsed)
  }

  private func collectFreshness(into samples: inout MetricSamples) {
    let labels: MetricLabels = [("loop", loop.name)]
    func counter(_ name: String, _ help: String, _ value: UInt64) {
      samples.counter("tapedeck_gateway_\(name)_total", help: help, labels: labels, value)
    }
    counter("unvouched", "States dropped that nobody vouched for.", counters.unvouched)
    counter(
      "verify_reads", "Values read again, since their channel is quiet.", counters.verifyReads)
    counter("repairs", "States found that were lost on their channel.", counters.repairs)
    counter("probes", "Messages published to see that Redis delivers.", probe.counters.sent)
    counter("probe_failures", "Probes that did not come back.", probe.counters.failures)
    samples.histogram(
      "tapedeck_gateway_probe_seconds", help: "A probe's way through Redis and back.",
      labels: labels, probeSeconds)
    samples.gauge(
      "tapedeck_gateway_heartbeat_age_seconds", help: "Since the feed's newest heartbeat was made.",
      labels: labels, Double(watch.silence(nowMilliseconds: loop.nowMilliseconds)) / 1_000)
    samples.gauge(
      "tapedeck_gateway_feed_live", help: "Whether the feed is live.", labels: labels,
      watch.isLive ? 1 : 0)
    let stale = directory.indexes.count { directory.record($0)?.state.isStale == true }
    samples.gauge(
      "tapedeck_gateway_stale_topics", help: "Topics whose subscribers have been told.",
      labels: labels, stale)
  }
}
