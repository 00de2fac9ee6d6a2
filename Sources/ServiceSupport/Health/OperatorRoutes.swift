package import EventLoops
package import WebTransport

/// The operator's view of a process: alive, ready, and its numbers. No route table describes them.
package enum OperatorRoutes {
  package static func add(
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
