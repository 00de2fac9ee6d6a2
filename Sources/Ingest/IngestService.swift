// The ingester as a whole: an `IngestLoop` on a thread of its own.
import EventLoops
package import Feeds
package import Logging
package import ServiceSupport

package final class IngestService: Sendable {
  /// Opened on its own loop only, hence `@unchecked Sendable`.
  private final class Confined: @unchecked Sendable {
    let ingest: IngestLoop
    let metrics: [MetricsCollection]
    init(_ ingest: IngestLoop, _ metrics: [MetricsCollection]) {
      self.ingest = ingest
      self.metrics = metrics
    }
  }

  /// How a feed is played.
  package struct Play: Sendable {
    package var argument: FeedArgument
    package var clock: FeedClock
    package var loops: Bool

    package init(argument: FeedArgument, clock: FeedClock, loops: Bool) {
      self.argument = argument
      self.clock = clock
      self.loops = loops
    }
  }

  private let loop: EventLoop
  private let confined: Confined

  /// Opens the feed and starts the thread. Throws when the feed cannot be opened.
  package static func start(
    _ play: Play, configuration: IngestLoop.Configuration, metrics: PrometheusRegistry,
    logger: Logger
  ) async throws -> IngestService {
    let loop = try EventLoop.start(name: "ingest")
    do {
      let confined = try await loop.run {
        try begin(play, configuration, loop, metrics, logger)
      }
      return IngestService(loop: loop, confined: confined)
    } catch {
      loop.stop()
      loop.join()
      throw error
    }
  }

  private init(loop: EventLoop, confined: Confined) {
    self.loop = loop
    self.confined = confined
  }

  private static func begin(
    _ play: Play, _ configuration: IngestLoop.Configuration, _ loop: EventLoop,
    _ metrics: PrometheusRegistry, _ logger: Logger
  ) throws -> Confined {
    let context = FeedContext(report: { problem in
      logger.warning("malformed input, skipped: \(problem)")
    })
    let source = try play.argument.open(context: context)
    let player = FeedPlayer(source: source, clock: play.clock, loops: play.loops)
    let log = RateLimitedLog(logger, now: { loop.nowMilliseconds })
    let ingest = IngestLoop(loop: loop, configuration: configuration, player: player, log: log)
    ingest.start()
    let collections = [
      metrics.observe(loop),
      metrics.collect(on: loop) { [unowned ingest] in ingest.collect(into: &$0) },
    ]
    return Confined(ingest, collections)
  }

  package func close() async {
    for collection in confined.metrics { collection.cancel() }
    await drainHistory()
    _ = try? await loop.run { [confined] in confined.ingest.close() }
    loop.stop()
    loop.join()
  }

  /// What was taken from the feed is in the stream, unless its Redis is away.
  private func drainHistory() async {
    let confined = confined
    let step: UInt64 = 10
    for _ in 0..<(IngestLimits.historyDrainMilliseconds / step) {
      let isEmpty = try? await loop.run {
        confined.ingest.history?.flush()
        return confined.ingest.history?.isEmpty ?? true
      }
      guard isEmpty == false else { return }
      _ = try? await loop.run { confined.ingest.loop }.sleep(milliseconds: step)
    }
  }
}
