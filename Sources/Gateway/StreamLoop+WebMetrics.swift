import EventLoops
import ServiceSupport
import WebTransport

extension StreamLoop {
  /// What the loop's web server refused, closed and served, for a scrape.
  func collectWeb(into samples: inout MetricSamples) {
    let labels: MetricLabels = [("loop", loop.name)]
    let numbers = web.counters
    func counter(_ name: String, _ help: String, _ value: UInt64) {
      samples.counter("tapedeck_web_\(name)_total", help: help, labels: labels, value)
    }
    func gauge(_ name: String, _ help: String, _ value: Int) {
      samples.gauge("tapedeck_web_\(name)", help: help, labels: labels, Double(value))
    }
    counter("accepted", "Connections accepted.", numbers.accepted)
    counter("refused", "Connections over a bound of them: 503 or 429.", numbers.refused)
    counter("refused_rate", "Connections over the accept rate: 503.", numbers.refusedForRate)
    counter("accepts_deferred", "Waits for the accept rate, over TLS.", numbers.acceptsDeferred)
    counter("refused_origins", "Handshakes from origins not allowed: 403.", numbers.refusedOrigins)
    counter("accept_pauses", "Times that no descriptor was left.", numbers.acceptPauses)
    counter("error_answers", "HTTP answers of 400 or more.", numbers.errorAnswers)
    counter("slow_heads", "Request heads that did not come in time.", numbers.slowHeads)
    counter("silent_closes", "WebSockets from which nothing was heard.", numbers.silentCloses)
    counter(
      "fault_closes", "WebSockets closed for a breach of protocol or of a bound.",
      numbers.faultCloses)
    counter("resets", "Connections cut off with bytes never taken.", numbers.resets)
    counter("frames_buffered", "Frames not taken by a socket at once.", numbers.framesBuffered)
    gauge("connections", "Connections open.", numbers.connections)
    gauge("assembly_bytes", "Bytes of unfinished messages.", numbers.assemblyBytes)
  }
}
