// The ingester as a whole: an `IngestLoop` on a thread of its own.
import EventLoops
package import Feeds
package import Logging
package import ServiceSupport
package import Upstream
import WebTransport

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
    try await start(metrics: metrics) { loop in
      try begin(play, configuration, loop, logger)
    }
  }

  /// Plays a live upstream. Throws when its certificates cannot be used; that it cannot be reached is
  /// logged and tried again.
  package static func start(
    upstream: UpstreamConfiguration, configuration: IngestLoop.Configuration,
    metrics: PrometheusRegistry, logger: Logger
  ) async throws -> IngestService {
    try await start(metrics: metrics) { loop in
      let context = FeedContext(report: { problem in
        logger.warning("malformed input, skipped: \(problem)")
      })
      var upstream = upstream
      upstream.client.log = { line in logger.warning("\(line.text)") }
      let feed = try UpstreamFeed(loop: loop, configuration: upstream, context: context)
      let ingest = IngestLoop(
        loop: loop, configuration: configuration, origin: .upstream(feed),
        log: RateLimitedLog(logger, now: { loop.nowMilliseconds }))
      ingest.start()
      return ingest
    }
  }

  private static func start(
    metrics: PrometheusRegistry, _ begin: @escaping @Sendable (EventLoop) throws -> IngestLoop
  ) async throws -> IngestService {
    let loop = try EventLoop.start(name: "ingest")
    do {
      let confined = try await loop.run {
        let ingest = try begin(loop)
        return Confined(
          ingest,
          [
            metrics.observe(loop),
            metrics.collect(on: loop) { [unowned ingest] in ingest.collect(into: &$0) },
          ])
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
    _ play: Play, _ configuration: IngestLoop.Configuration, _ loop: EventLoop, _ logger: Logger
  ) throws -> IngestLoop {
    let context = FeedContext(report: { problem in
      logger.warning("malformed input, skipped: \(problem)")
    })
    let source = try play.argument.open(context: context)
    let player = FeedPlayer(source: source, clock: play.clock, loops: play.loops)
    let log = RateLimitedLog(logger, now: { loop.nowMilliseconds })
    let ingest = IngestLoop(loop: loop, configuration: configuration, player: player, log: log)
    ingest.start()
    return ingest
  }

  /// Carries out a command of a play. Not after `close`.
  package func replay(_ command: ReplayCommand) async throws(ReplayRefusal) -> ReplayStatus {
    let confined = confined
    let result = try? await loop.run {
      Result { () throws(ReplayRefusal) in try confined.ingest.replay(command) }
    }
    guard let result else { throw .unreadable("the ingester has stopped") }
    return try result.get()
  }

  /// Where the play is; nil for a live upstream. Not after `close`.
  package func replayStatus() async -> ReplayStatus? {
    let confined = confined
    return try? await loop.run { confined.ingest.replayStatus }
  }

  package func close() async {
    for collection in confined.metrics { collection.cancel() }
    await drainHistory()
    await withCheckedContinuation { continuation in
      loop.submit { [confined] in confined.ingest.close { continuation.resume() } }
    }
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
