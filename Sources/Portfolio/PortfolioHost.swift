// The portfolio service on a thread of its own, with a web server of its own or without: in
// `tapedeck up` the gateway's servers forward to it.
package import Credentials
import EventLoops
package import Logging
package import ServiceSupport
import Synchronization
package import WebTransport

package final class PortfolioHost: Sendable {
  /// Opened on its own loop only, hence `@unchecked Sendable`.
  private final class Confined: @unchecked Sendable {
    let service: PortfolioService
    let web: WebServer?
    let metrics: [MetricsCollection]
    init(_ service: PortfolioService, _ web: WebServer?, _ metrics: [MetricsCollection]) {
      self.service = service
      self.web = web
      self.metrics = metrics
    }
  }

  private let loop: EventLoop
  private let confined: Confined
  /// For the routers of web servers on other loops.
  package let door: PortfolioDoor
  /// For streams on other loops.
  package let credentials: CredentialGate
  private let listening = Atomic<UInt16>(0)
  /// Of its own web server; 0 without one.
  package var port: UInt16 { listening.load(ordering: .relaxed) }

  /// Starts the thread, and the links to Postgres and Redis, which may be away: then it answers 503.
  /// - Parameter web: nil for no server of its own. With one, the process is also asked for its health
  ///   and its numbers there.
  package static func start(
    configuration: PortfolioService.Configuration, web: WebServerConfiguration?,
    readiness: Readiness, metrics: PrometheusRegistry, logger: Logger
  ) async throws -> PortfolioHost {
    let loop = try EventLoop.start(name: "portfolio")
    let host: PortfolioHost
    do {
      let (confined, door, gate) = try await loop.run {
        try begin(configuration, web, loop, readiness, metrics, logger)
      }
      host = PortfolioHost(loop, confined, door, gate)
    } catch {
      loop.stop()
      loop.join()
      throw error
    }
    do {
      let confined = host.confined
      let port = try await loop.run {
        try confined.web?.listen()
        return confined.web?.port ?? 0
      }
      host.listening.store(port, ordering: .relaxed)
      return host
    } catch {
      // By now it has handles on the loop.
      await host.close()
      throw error
    }
  }

  private init(
    _ loop: EventLoop, _ confined: Confined, _ door: PortfolioDoor, _ gate: CredentialGate
  ) {
    self.loop = loop
    self.confined = confined
    self.door = door
    credentials = gate
  }

  private static func begin(
    _ configuration: PortfolioService.Configuration, _ web: WebServerConfiguration?,
    _ loop: EventLoop, _ readiness: Readiness, _ metrics: PrometheusRegistry, _ logger: Logger
  ) throws -> (Confined, PortfolioDoor, CredentialGate) {
    let log = RateLimitedLog(logger, now: { loop.nowMilliseconds })
    let service = PortfolioService(
      loop: loop, configuration: configuration, readiness: readiness, log: log)
    let door = PortfolioDoor(service)
    var server: WebServer?
    if let web {
      var router = Router()
      OperatorRoutes.add(to: &router, loop: loop, readiness: readiness, metrics: metrics)
      door.addRoutes(to: &router, on: loop)
      server = try WebServer(loop: loop, configuration: web, router: router, webSockets: nil)
    }
    service.start()
    let collections = [
      metrics.observe(loop),
      metrics.collect(on: loop) { [unowned service] in service.collect(into: &$0) },
    ]
    return (Confined(service, server, collections), door, CredentialGate(service.authority))
  }

  /// New handshakes of its own server show this one.
  package func use(_ certificate: ServerCertificate) async {
    _ = try? await loop.run { [confined] in confined.web?.use(certificate) }
  }

  /// After the servers that forward to it. Ends requests, links and the thread.
  package func close() async {
    for collection in confined.metrics { collection.cancel() }
    let confined = confined
    await withCheckedContinuation { continuation in
      loop.submit {
        guard let web = confined.web else { return continuation.resume() }
        web.close { continuation.resume() }
      }
    }
    _ = try? await loop.run { confined.service.close() }
    loop.stop()
    loop.join()
  }
}
