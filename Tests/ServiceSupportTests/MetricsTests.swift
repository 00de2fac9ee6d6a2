// Goal: what leaves as /metrics is the text exposition format 0.0.4. Method: exact texts for each
// rule, and a small checker of the format over a scrape with everything in it.
import CoreMetrics
import EventLoops
import Testing

@testable import ServiceSupport

@Suite struct MetricSamplesTests {
  @Test func familyHasItsHeadOnceAndItsSeriesTogether() {
    var samples = MetricSamples()
    samples.counter("b_total", help: "B.", labels: [("code", "407")], UInt64(3))
    samples.gauge("a", help: "A.", 1.5)
    samples.counter("b_total", help: "B.", labels: [("code", "400")], UInt64(4))
    #expect(
      samples.text() == """
        # HELP a A.
        # TYPE a gauge
        a 1.5
        # HELP b_total B.
        # TYPE b_total counter
        b_total{code="407"} 3
        b_total{code="400"} 4

        """)
  }

  @Test func histogramIsCumulativeAndEndsWithInfinity() {
    var histogram = FixedHistogram(bounds: [0.5, 1])
    for value in [0.25, 0.5, 0.75, 2, .nan] { histogram.record(value) }
    var samples = MetricSamples()
    samples.histogram("h", help: "", labels: [("l", "x")], histogram)
    #expect(
      samples.text() == """
        # TYPE h histogram
        h_bucket{l="x",le="0.5"} 2
        h_bucket{l="x",le="1"} 3
        h_bucket{l="x",le="+Inf"} 4
        h_sum{l="x"} 3.5
        h_count{l="x"} 4

        """)
  }

  @Test func textFromOutsideIsEscapedAndNamesAreMadeValid() {
    var samples = MetricSamples()
    samples.gauge(
      "9http.requests", help: "a\\b\nc\"", labels: [("p:q", "x\"\\\ny"), ("p_q", "twice")], 1)
    #expect(
      samples.text() == """
        # HELP _9http_requests a\\\\b\\nc"
        # TYPE _9http_requests gauge
        _9http_requests{p_q="x\\"\\\\\\ny"} 1

        """)
  }

  @Test func numbersAreWrittenAsTheFormatWants() {
    let cases: [(Double, String)] = [
      (0, "0"), (5, "5"), (-1.25, "-1.25"), (.infinity, "+Inf"), (-.infinity, "-Inf"),
      (.nan, "NaN"), (1e21, "1e+21"), (0x1p53, "9007199254740992.0"),
    ]
    for (value, text) in cases { #expect(MetricSamples.number(value) == text) }
  }

  @Test func seriesOfSeveralLoopsAreAddedUp() {
    var one = MetricSamples()
    var two = MetricSamples()
    var histogram = FixedHistogram(bounds: [1])
    histogram.record(1)
    for _ in 0..<2 {
      one.counter("c", help: "", UInt64(1))
      two.gauge("g", help: "", 2)
      two.histogram("h", help: "", histogram)
    }
    two.counter("c", help: "", UInt64(5))
    one.merge(two)
    let text = one.text()
    #expect(text.contains("\nc 7\n") && text.contains("\ng 4\n") && text.contains("\nh_count 2\n"))
  }

  @Test func whatCannotBeShownIsLeftOutAndCounted() {
    var samples = MetricSamples()
    samples.gauge("x", help: "", 1)
    samples.counter("x", help: "", UInt64(1))
    #expect(samples.dropped == 1)
    samples.histogram("h", help: "", FixedHistogram(bounds: [1]))
    samples.histogram("h", help: "", FixedHistogram(bounds: [2]))
    #expect(samples.dropped == 2)
    for number in 0..<ServiceSupportLimits.seriesMax {
      samples.gauge("many", help: "", labels: [("n", "\(number)")], 1)
    }
    #expect(samples.seriesCount == ServiceSupportLimits.seriesMax)
    #expect(samples.dropped == 4)
    samples.gauge("late", help: "", 1)
    #expect(samples.dropped == 5)
  }

  @Test func valueOnABoundFallsIntoItsBucket() {
    var histogram = FixedHistogram(bounds: FixedHistogram.sizes)
    for bound in histogram.bounds { histogram.record(bound) }
    histogram.record(1e9)
    #expect(histogram.counts.allSatisfy { $0 == 1 })
  }
}

@Suite struct PrometheusRegistryTests {
  @Test func metricsOfOneNameShareASeriesAndOtherKindsAreRefused() async throws {
    let registry = PrometheusRegistry()
    let one = Counter(label: "requests_total", dimensions: [("path", "/")], factory: registry)
    let two = Counter(label: "requests_total", dimensions: [("path", "/")], factory: registry)
    one.increment(by: 2)
    two.increment()
    Gauge(label: "requests_total", dimensions: [("path", "/x")], factory: registry).record(9)
    Gauge(label: "level", factory: registry).record(2.5)
    Timer(label: "took_seconds", factory: registry).recordMilliseconds(20)
    Recorder(label: "bytes", dimensions: [], aggregate: true, factory: registry).record(100)
    let text = try await onOwnLoop { await registry.scrape(on: $0) }
    #expect(text.contains("requests_total{path=\"/\"} 3\n"))
    #expect(!text.contains("/x"))
    #expect(text.contains("level 2.5\n"))
    #expect(text.contains("took_seconds_bucket{le=\"0.025\"} 1\n"))
    #expect(text.contains("took_seconds_sum 0.02\n"))
    #expect(text.contains("bytes_bucket{le=\"256\"} 1\n"))
    #expect(text.contains("tapedeck_metrics_series_dropped 1\n"))
    one.destroy()
    let after = try await onOwnLoop { await registry.scrape(on: $0) }
    #expect(!after.contains("requests_total{"))
  }

  @Test func collectorsRunOnTheirLoopsAndAreAddedUp() async throws {
    let registry = PrometheusRegistry()
    let loops = try (0..<3).map { try EventLoop.start(name: "gateway-\($0)") }
    for loop in loops {
      _ = try await loop.run {
        registry.observe(loop)
        return registry.collect(on: loop) { samples in
          loop.preconditionInLoop()
          samples.counter("messages_total", help: "Messages.", UInt64(10))
        }
      }
    }
    let text = try await onOwnLoop { await registry.scrape(on: $0) }
    #expect(text.contains("messages_total 30\n"))
    #expect(text.contains("tapedeck_loop_turns_total{loop=\"gateway-2\"} "))
    #expect(text.contains("tapedeck_metrics_loops_missing 0\n"))
    #expect(text.contains("process_cpu_seconds_total "))
    try FormatChecker.check(text)
    for loop in loops {
      loop.stop()
      loop.join()
    }
  }

  @Test func cancelledCollectorIsNotAskedAnyMore() async throws {
    let registry = PrometheusRegistry()
    try await onOwnLoop { loop in
      let collection = registry.collect(on: loop) { $0.gauge("gone", help: "", 1) }
      #expect(await registry.scrape(on: loop).contains("gone 1"))
      collection.cancel()
      collection.cancel()
      #expect(!(await registry.scrape(on: loop)).contains("gone"))
    }
  }

  @Test func loopThatDoesNotAnswerIsLeftOutInTime() async throws {
    let registry = PrometheusRegistry()
    let stuck = try EventLoop.start(name: "stuck")
    _ = try await stuck.run { registry.collect(on: stuck) { $0.gauge("late", help: "", 1) } }
    let gate = Gate()
    stuck.submit { gate.wait() }
    let text = try await onOwnLoop { await registry.scrape(on: $0) }
    #expect(text.contains("tapedeck_metrics_loops_missing 1\n") && !text.contains("late"))
    gate.open()
    stuck.stop()
    stuck.join()
  }
}
