import Credentials
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
    counter("market_values_malformed", "Live values that could not be read.", live.malformed)
    samples.gauge(
      "tapedeck_portfolio_requests_under_way", help: "Requests at work.", counters.underWay)
    parts.collect(into: &samples)
  }
}
