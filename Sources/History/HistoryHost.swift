// The history worker on a thread of its own.
import EventLoops
package import Logging
package import ServiceSupport

package final class HistoryHost: Sendable {
  /// Opened on its own loop only, hence `@unchecked Sendable`.
  private final class Confined: @unchecked Sendable {
    let worker: HistoryWorker
    let metrics: [MetricsCollection]
    init(_ worker: HistoryWorker, _ metrics: [MetricsCollection]) {
      self.worker = worker
      self.metrics = metrics
    }
  }

  private let loop: EventLoop
  private let confined: Confined

  private init(_ loop: EventLoop, _ confined: Confined) {
    self.loop = loop
    self.confined = confined
  }

  /// Starts the thread and the links, whose servers may be away.
  package static func start(
    configuration: HistoryWorker.Configuration, readiness: Readiness, metrics: PrometheusRegistry,
    logger: Logger
  ) async throws -> HistoryHost {
    let loop = try EventLoop.start(name: "history")
    do {
      let confined = try await loop.run {
        let log = RateLimitedLog(logger, now: { loop.nowMilliseconds })
        let worker = HistoryWorker(
          loop: loop, configuration: configuration, readiness: readiness, log: log)
        worker.start()
        return Confined(
          worker,
          [
            metrics.observe(loop),
            metrics.collect(on: loop) { [unowned worker] in worker.collect(into: &$0) },
          ])
      }
      return HistoryHost(loop, confined)
    } catch {
      loop.stop()
      loop.join()
      throw error
    }
  }

  /// What is in hand is found again by the next worker of the same name.
  package func close() async {
    for collection in confined.metrics { collection.cancel() }
    let confined = confined
    await withCheckedContinuation { continuation in
      loop.submit { [loop] in
        Task.immediate(executorPreference: loop) {
          await confined.worker.close()
          continuation.resume()
        }
      }
    }
    loop.stop()
    loop.join()
  }
}
