// The way from a web server's router to the service, on the same loop or, by a hop there and back, on
// another: a request never delays the ticks of the gateway whose port it came in by.
package import EventLoops
package import WebTransport

/// `@unchecked Sendable`: `service` is touched on its own loop only. A server whose router has these
/// routes must be closed before the service's loop stops.
package final class PortfolioDoor: @unchecked Sendable {
  private let loop: EventLoop
  private let service: PortfolioService

  /// On the service's loop.
  package init(_ service: PortfolioService) {
    service.loop.preconditionInLoop()
    loop = service.loop
    self.service = service
  }

  /// Adds every endpoint, and the document that says what they are. `asking` is the loop of the web
  /// server that the router is for.
  package func addRoutes(to router: inout Router, on asking: EventLoop) {
    for (place, route) in RouteTable.all.enumerated() {
      router.onAsync(route.method, route.routerPattern) { request in
        await self.answer(place, request, asking)
      }
    }
    router.on(.get, RouteTable.documentRoute) { _ in .json(RouteTable.document) }
  }

  private func answer(
    _ place: Int, _ request: HTTPRequest, _ asking: EventLoop
  ) async -> HTTPResponse {
    guard asking !== loop else { return await service.answer(RouteTable.all[place], request) }
    return await withCheckedContinuation { continuation in
      loop.submit {
        Task.immediate(executorPreference: self.loop) {
          continuation.resume(
            returning: await self.service.answer(RouteTable.all[place], request))
        }
      }
    }
  }

  /// Adds a route of somebody else's, which answers on `asking` whoever presents credentials as for
  /// every other route. It is not in the document.
  package func addRoute(
    _ method: HTTPMethod, _ pattern: String, to router: inout Router, on asking: EventLoop,
    _ answer: @escaping @Sendable (HTTPRequest) async -> HTTPResponse
  ) {
    router.onAsync(method, pattern) { request in
      if let refusal = await self.refusal(request, asking) { return refusal }
      return await answer(request)
    }
  }

  private func refusal(_ request: HTTPRequest, _ asking: EventLoop) async -> HTTPResponse? {
    guard asking !== loop else { return await service.refusal(request) }
    return await withCheckedContinuation { continuation in
      loop.submit {
        Task.immediate(executorPreference: self.loop) {
          continuation.resume(returning: await self.service.refusal(request))
        }
      }
    }
  }
}
