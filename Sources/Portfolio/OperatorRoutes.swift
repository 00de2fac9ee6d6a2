import EventLoops
import ServiceSupport
import WebTransport

/// The operator's view of a process of its own: alive, ready, and its numbers. Beside the route table,
/// for in `tapedeck up` they are the gateway's.
enum OperatorRoutes {
  static func add(
    to router: inout Router, loop: EventLoop, readiness: Readiness, metrics: PrometheusRegistry
  ) {
    router.on(.get, "/healthz") { _ in .json(#"{"status":"ok"}"#) }
    router.on(.get, "/readyz") { _ in
      .json(readiness.json(), status: readiness.isReady ? 200 : 503)
    }
    router.onAsync(.get, "/metrics") { _ in
      var response = HTTPResponse.text(await metrics.scrape(on: loop))
      response.headers = [.init(name: "content-type", value: "text/plain; version=0.0.4")]
      return response
    }
  }
}
