// The gateway as a whole: one `StreamLoop` on each of some loops, all listening on the same port.
// Belongs to no loop itself; each call hops to the loops it concerns.
package import EventLoops
package import Logging
package import ServiceSupport
package import WebTransport

package final class GatewayService: Sendable {
  /// A loop of the gateway, with the things that live on it.
  private struct Part: Sendable {
    let loop: EventLoop
    let stream: Confined
  }

  /// Hands a `StreamLoop` back to its own loop. `@unchecked Sendable`: opened only there.
  private final class Confined: @unchecked Sendable {
    let stream: StreamLoop
    let metrics: [MetricsCollection]
    init(_ stream: StreamLoop, _ metrics: [MetricsCollection]) {
      self.stream = stream
      self.metrics = metrics
    }
  }

  private let parts: [Part]
  private let readiness: Readiness
  /// The port that all loops listen on.
  package let port: UInt16

  /// The name of a loop's readiness check; the process announces one for each.
  package static func checkName(_ index: Int) -> String { "gateway-\(index)" }

  /// Adds routes to the router of the web server on a loop.
  package typealias Routes = @Sendable (inout Router, EventLoop) -> Void

  /// Starts `loops` threads. Port 0 lets the kernel choose one for all of them.
  /// - Parameter routes: what these ports serve besides the gateway's own, which are the streams, the
  ///   document about them and the operator's.
  package static func start(
    loops: Int, configuration: StreamLoop.Configuration, readiness: Readiness,
    metrics: PrometheusRegistry, logger: Logger, routes: @escaping Routes = { _, _ in }
  ) async throws -> GatewayService {
    var parts: [Part] = []
    var port = configuration.web.port
    do {
      for index in 0..<loops {
        var own = configuration
        own.web.port = port
        let loop = try EventLoop.start(name: "gateway-\(index)")
        let stream: Confined
        do {
          stream = try await loop.run { [own] in
            try make(own, index, loop, readiness, metrics, logger, routes)
          }
        } catch {
          loop.stop()
          loop.join()
          throw error
        }
        // From here on it has handles, also when listening fails (a port in use).
        parts.append(Part(loop: loop, stream: stream))
        port = try await loop.run { try stream.stream.start() }
      }
    } catch {
      await close(parts)
      throw error
    }
    return GatewayService(parts: parts, port: port, readiness: readiness)
  }

  private init(parts: [Part], port: UInt16, readiness: Readiness) {
    self.parts = parts
    self.port = port
    self.readiness = readiness
  }

  private static func make(
    _ configuration: StreamLoop.Configuration, _ index: Int, _ loop: EventLoop,
    _ readiness: Readiness, _ metrics: PrometheusRegistry, _ logger: Logger, _ routes: Routes
  ) throws -> Confined {
    var router = Router()
    OperatorRoutes.add(to: &router, loop: loop, readiness: readiness, metrics: metrics)
    router.on(.get, AsyncAPI.route) { _ in .json(AsyncAPI.document) }
    routes(&router, loop)
    let log = RateLimitedLog(logger, now: { loop.nowMilliseconds })
    let stream = try StreamLoop(
      loop: loop, configuration: configuration, readiness: readiness,
      checkName: checkName(index), log: log, router: router)
    let collections = [
      metrics.observe(loop),
      metrics.collect(on: loop) { [unowned stream] in stream.collect(into: &$0) },
    ]
    return Confined(stream, collections)
  }

  /// New handshakes on every loop show this one.
  package func use(_ certificate: ServerCertificate) async {
    for part in parts { _ = try? await part.loop.run { part.stream.stream.use(certificate) } }
  }

  /// Not ready any more, no new clients, and those that are there are told to come back elsewhere and
  /// closed, spread over `milliseconds`. Returns when all have gone, or when it is time.
  package func drain(milliseconds: UInt64) async {
    readiness.end("shutting down")
    let drains = parts.map { part in
      Task(executorPreference: part.loop) {
        await part.stream.stream.drain(milliseconds: milliseconds)
      }
    }
    for drain in drains { await drain.value }
  }

  /// Closes all clients and ends the threads.
  package func close() async { await GatewayService.close(parts) }

  private static func close(_ parts: [Part]) async {
    for part in parts {
      for collection in part.stream.metrics { collection.cancel() }
      let stream = part.stream
      await Task(executorPreference: part.loop) { await stream.stream.close() }.value
      part.loop.stop()
      part.loop.join()
    }
  }
}
