// Where the numbers of a process come together: a swift-metrics backend (its own file) for what is counted at the
// edges, and collectors for what the loops count in plain integers of their own.
//
// A scrape asks every collector on its own loop, waits for all of them at most `scrapeMilliseconds`,
// and renders. Any thread may make and touch metrics; a collector runs on its loop only.
public import EventLoops
import Glibc

public final class PrometheusRegistry: Sendable {
  struct Key: Hashable {
    let name: String
    let labels: String
  }

  struct State {
    var metrics: [Key: any RegisteredMetric] = [:]
    var kinds: [String: MetricSamples.Kind] = [:]
    var collectors: [Int: Collector] = [:]
    var nextCollector = 0
    /// Metrics refused because the registry was full or the name had another kind.
    var refused: UInt64 = 0
  }

  let state = Locked(State())

  public init() {}

  // MARK: - Collectors

  /// Adds what `collect` says to each scrape. Call it on the loop that owns what `collect` reads; it
  /// runs there, once a scrape, and must be quick. Cancel the result before the loop stops.
  @discardableResult
  public func collect(
    on loop: EventLoop, _ collect: @escaping (inout MetricSamples) -> Void
  ) -> MetricsCollection {
    loop.preconditionInLoop()
    let collector = Collector(loop: loop, collect: collect)
    let number = state.withLock { state in
      state.nextCollector += 1
      state.collectors[state.nextCollector] = collector
      return state.nextCollector
    }
    return MetricsCollection(registry: self, number: number)
  }

  /// Adds the loop's own numbers: its CPU time, turns and wake-ups, labelled with its name.
  @discardableResult
  public func observe(_ loop: EventLoop) -> MetricsCollection {
    let labels: MetricLabels = [("loop", loop.name)]
    return collect(on: loop) { [unowned loop] samples in
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      samples.counter(
        "tapedeck_loop_cpu_seconds_total", help: "CPU time of the loop's thread.", labels: labels,
        Double(time.tv_sec) + Double(time.tv_nsec) / 1e9)
      samples.counter(
        "tapedeck_loop_turns_total", help: "Turns of the loop.", labels: labels, loop.turns)
      samples.counter(
        "tapedeck_loop_wakeups_total", help: "Wake-ups by other threads.", labels: labels,
        loop.wakeups)
    }
  }

  /// `@unchecked Sendable`: `collect` is called on `loop` only, where it was made.
  final class Collector: @unchecked Sendable {
    let loop: EventLoop
    private let collect: (inout MetricSamples) -> Void

    init(loop: EventLoop, collect: @escaping (inout MetricSamples) -> Void) {
      self.loop = loop
      self.collect = collect
    }

    func samples() -> MetricSamples {
      loop.preconditionInLoop()
      var samples = MetricSamples()
      collect(&samples)
      return samples
    }
  }

  // MARK: - Scraping

  /// The text for `/metrics`. Called on `loop`, which keeps the time.
  public func scrape(on loop: EventLoop) async -> String {
    loop.preconditionInLoop()
    var samples = registered()
    ProcessMetrics.collect(&samples)
    let gathered = await gather(on: loop)
    samples.merge(gathered.samples)
    samples.gauge(
      "tapedeck_metrics_loops_missing", help: "Collectors that did not answer in time.",
      gathered.missing)
    samples.counter(
      "tapedeck_metrics_series_dropped", help: "Samples left out of this scrape.",
      samples.dropped &+ state.withLock { $0.refused })
    return samples.text()
  }

  private func registered() -> MetricSamples {
    let metrics = state.withLock { Array($0.metrics) }
    var samples = MetricSamples()
    for (key, metric) in metrics.sorted(by: { $0.key.labels < $1.key.labels }) {
      let (kind, value) = metric.sample()
      samples.add(key.name, kind, "", key.labels, value)
    }
    return samples
  }

  private func gather(on loop: EventLoop) async -> (samples: MetricSamples, missing: Int) {
    let gathering = Gathering()
    let timer = LoopTimer(loop: loop) { gathering.end() }
    timer.start(afterMilliseconds: ServiceSupportLimits.scrapeMilliseconds)
    defer { timer.close() }
    return await withCheckedContinuation { continuation in
      // Under the lock, so that a collection cannot be cancelled (and its loop stopped) between the
      // look and the submission; what is submitted before a stop still runs.
      let count = state.withLock { state in
        for collector in state.collectors.values {
          collector.loop.submit { gathering.add(collector.samples()) }
        }
        return state.collectors.count
      }
      gathering.begin(count, continuation)
    }
  }

  func cancelCollector(_ number: Int) {
    _ = state.withLock { $0.collectors.removeValue(forKey: number) }
  }
}

/// A collector that takes part in scrapes until it is cancelled.
public struct MetricsCollection: Sendable {
  fileprivate let registry: PrometheusRegistry
  fileprivate let number: Int

  /// From the collector's loop, before that stops; more than once is allowed.
  public func cancel() { registry.cancelCollector(number) }
}

/// One scrape's answers, from several loops.
private final class Gathering: Sendable {
  typealias Result = (samples: MetricSamples, missing: Int)

  private struct State {
    var samples = MetricSamples()
    /// Answers still awaited; below zero while they come before `begin` has said how many.
    var awaited = 0
    var continuation: CheckedContinuation<Result, Never>?
  }

  private let state = Locked(State())

  func begin(_ count: Int, _ continuation: CheckedContinuation<Result, Never>) {
    finish { state in
      state.awaited += count
      state.continuation = continuation
      return state.awaited == 0
    }
  }

  func add(_ samples: MetricSamples) {
    finish { state in
      state.samples.merge(samples)
      state.awaited -= 1
      return state.awaited == 0
    }
  }

  func end() { finish { _ in true } }

  private func finish(_ isOver: (inout State) -> Bool) {
    let ready = state.withLock {
      state -> (CheckedContinuation<Result, Never>, MetricSamples, Int)? in
      guard isOver(&state), let continuation = state.continuation else { return nil }
      state.continuation = nil
      return (continuation, state.samples, state.awaited)
    }
    ready?.0.resume(returning: (ready!.1, ready!.2))
  }
}
