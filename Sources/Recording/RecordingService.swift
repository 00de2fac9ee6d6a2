// A recording as a whole, on a thread of its own.
import EventLoops
package import Feeds
package import Logging
import ServiceSupport
package import Upstream
import WebTransport

package final class RecordingService: Sendable {
  package enum Source: Sendable {
    case upstream(UpstreamConfiguration)
    case redis(RedisRecorder.Configuration)
  }

  /// Opened on its own loop only, hence `@unchecked Sendable`.
  private final class Confined: @unchecked Sendable {
    let session: RecordingSession
    let upstream: UpstreamRecorder?
    let redis: RedisRecorder?

    init(_ session: RecordingSession, _ upstream: UpstreamRecorder?, _ redis: RedisRecorder?) {
      self.session = session
      self.upstream = upstream
      self.redis = redis
    }
  }

  private let loop: EventLoop
  private let confined: Confined

  private init(loop: EventLoop, confined: Confined) {
    self.loop = loop
    self.confined = confined
  }

  /// Opens the tape and begins. `onSecond` and `onFailure` are called on the recorder's thread.
  package static func start(
    _ source: Source, path: String, rotation: RecordingRotation, logger: Logger,
    onSecond: @escaping @Sendable (RecordingSession.Account) -> Void,
    onFailure: @escaping @Sendable (FeedsError) -> Void
  ) async throws -> RecordingService {
    let loop = try EventLoop.start(name: "record")
    do {
      let confined = try await loop.run { () throws -> Confined in
        let log = RateLimitedLog(logger, now: { loop.nowMilliseconds })
        let session = try RecordingSession(loop: loop, path: path, rotation: rotation)
        session.onSecond = onSecond
        session.onFailure = onFailure
        switch source {
        case .upstream(var configuration):
          configuration.client.log = { line in logger.warning("\(line.text)") }
          let link: UpstreamLink
          do {
            link = try UpstreamLink(loop: loop, configuration: configuration)
          } catch {
            session.discard()
            throw error
          }
          let recorder = UpstreamRecorder(link: link, session: session)
          begin(recorder, log)
          return Confined(session, recorder, nil)
        case .redis(let configuration):
          let recorder = RedisRecorder(loop: loop, configuration: configuration, session: session)
          recorder.onUp = { log.log(.info, kind: "up", "connected to Redis") }
          recorder.onDown = { log.log(.warning, kind: "down", "no link to Redis: \($0)") }
          recorder.start()
          return Confined(session, nil, recorder)
        }
      }
      return RecordingService(loop: loop, confined: confined)
    } catch {
      loop.stop()
      loop.join()
      throw error
    }
  }

  private static func begin(_ recorder: UpstreamRecorder, _ log: RateLimitedLog) {
    recorder.onUp = { log.log(.info, kind: "up", "the upstream is live") }
    recorder.onNote = { log.log(.warning, kind: "note", "\($0)") }
    recorder.onDown = { reason, wait in
      log.log(
        .warning, kind: "down", "no upstream: \(reason)", metadata: ["retry-ms": "\(wait)"])
    }
    recorder.start()
  }

  /// Ends the source, then the tape. Throws when the rest cannot be written.
  package func close() async throws -> RecordingSession.Account {
    await withCheckedContinuation { continuation in
      loop.submit { [confined] in
        confined.redis?.close()
        guard let upstream = confined.upstream else { return continuation.resume() }
        upstream.close { continuation.resume() }
      }
    }
    let result = await Task(executorPreference: loop) { [confined] in
      try confined.session.close()
      return confined.session.account
    }.result
    loop.stop()
    loop.join()
    return try result.get()
  }
}
