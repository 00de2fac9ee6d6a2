public import CoreMetrics
import EventLoops
import Synchronization

// The swift-metrics backend. Two metrics of the same label and dimensions share one series. A metric
// that the registry refuses does nothing and is counted.

extension PrometheusRegistry: MetricsFactory {
  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    metric(label, dimensions, .counter) { CountingMetric() } ?? NOOPMetricsHandler.instance
  }

  public func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    metric(label, dimensions, .counter) { SummingMetric() } ?? NOOPMetricsHandler.instance
  }

  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    metric(label, dimensions, .gauge) { GaugeMetric() } ?? NOOPMetricsHandler.instance
  }

  /// With `aggregate` a histogram by powers of four, else a gauge with the last value.
  public func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler {
    if aggregate {
      return metric(label, dimensions, .histogram) {
        HistogramMetric(bounds: FixedHistogram.sizes)
      } ?? NOOPMetricsHandler.instance
    }
    return metric(label, dimensions, .gauge) { GaugeMetric() } ?? NOOPMetricsHandler.instance
  }

  /// A histogram of seconds.
  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    metric(label, dimensions, .histogram) { HistogramMetric(bounds: FixedHistogram.seconds) }
      ?? NOOPMetricsHandler.instance
  }

  public func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
  public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {
    remove(handler)
  }
  public func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
  public func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
  public func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

  private func metric<Metric: RegisteredMetric>(
    _ label: String, _ dimensions: [(String, String)], _ kind: MetricSamples.Kind,
    _ make: () -> Metric
  ) -> Metric? {
    let name = MetricName.valid(label)
    let labels = MetricName.text(of: dimensions.map { (name: $0.0, value: $0.1) })
    let key = Key(name: name, labels: labels)
    return state.withLock { state in
      if let known = state.metrics[key] {
        if let metric = known as? Metric { return metric }
        state.refused &+= 1
        return nil
      }
      guard state.metrics.count < ServiceSupportLimits.seriesMax,
        state.kinds[name] == nil || state.kinds[name] == kind
      else {
        state.refused &+= 1
        return nil
      }
      let metric = make()
      state.metrics[key] = metric
      state.kinds[name] = kind
      return metric
    }
  }

  private func remove(_ handler: AnyObject) {
    state.withLock { state in
      guard let key = state.metrics.first(where: { $0.value === handler })?.key else { return }
      state.metrics[key] = nil
    }
  }
}

/// A metric of the registry: what it shows at a scrape.
protocol RegisteredMetric: AnyObject, Sendable {
  func sample() -> (MetricSamples.Kind, MetricSamples.Value)
}

final class CountingMetric: RegisteredMetric, CounterHandler {
  private let count = Atomic<Int64>(0)
  func increment(by amount: Int64) { count.wrappingAdd(max(0, amount), ordering: .relaxed) }
  func reset() { count.store(0, ordering: .relaxed) }
  func sample() -> (MetricSamples.Kind, MetricSamples.Value) {
    (.counter, .count(UInt64(bitPattern: count.load(ordering: .relaxed))))
  }
}

final class SummingMetric: RegisteredMetric, FloatingPointCounterHandler {
  private let sum = Locked(0.0)
  func increment(by amount: Double) { sum.withLock { if amount > 0 { $0 += amount } } }
  func reset() { sum.withLock { $0 = 0 } }
  func sample() -> (MetricSamples.Kind, MetricSamples.Value) {
    (.counter, .number(sum.withLock { $0 }))
  }
}

final class GaugeMetric: RegisteredMetric, MeterHandler, RecorderHandler {
  private let value = Locked(0.0)
  func set(_ value: Int64) { set(Double(value)) }
  func set(_ value: Double) { self.value.withLock { $0 = value } }
  func increment(by amount: Double) { value.withLock { $0 += amount } }
  func decrement(by amount: Double) { value.withLock { $0 -= amount } }
  func record(_ value: Int64) { set(value) }
  func record(_ value: Double) { set(value) }
  func sample() -> (MetricSamples.Kind, MetricSamples.Value) {
    (.gauge, .number(value.withLock { $0 }))
  }
}

final class HistogramMetric: RegisteredMetric, RecorderHandler, TimerHandler {
  private let histogram: Locked<FixedHistogram>
  init(bounds: [Double]) { histogram = Locked(FixedHistogram(bounds: bounds)) }
  func record(_ value: Int64) { record(Double(value)) }
  func record(_ value: Double) { histogram.withLock { $0.record(value) } }
  func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
  func sample() -> (MetricSamples.Kind, MetricSamples.Value) {
    (.histogram, .histogram(histogram.withLock { $0 }))
  }
}
