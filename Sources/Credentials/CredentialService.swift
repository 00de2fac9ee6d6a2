// An authority on a thread of its own, for a process that serves streams and no portfolios.
public import EventLoops
public import Logging
public import ServiceSupport

public final class CredentialService: Sendable {
  /// Opened on its own loop only, hence `@unchecked Sendable`.
  private final class Confined: @unchecked Sendable {
    let parts: CredentialParts
    let metrics: [MetricsCollection]
    init(_ parts: CredentialParts, _ metrics: [MetricsCollection]) {
      self.parts = parts
      self.metrics = metrics
    }
  }

  public let loop: EventLoop
  /// For the loops that ask.
  public let gate: CredentialGate
  private let confined: Confined

  /// Starts the thread; the servers may still be away when it returns.
  public static func start(
    _ configuration: CredentialParts.Configuration, metrics: PrometheusRegistry, logger: Logger
  ) async throws -> CredentialService {
    let loop = try EventLoop.start(name: "credentials")
    do {
      let (confined, gate) = try await loop.run {
        let parts = CredentialParts(
          loop: loop, configuration: configuration,
          log: RateLimitedLog(logger, now: { loop.nowMilliseconds }))
        parts.start()
        let collections = [
          metrics.observe(loop),
          metrics.collect(on: loop) { [unowned parts] in parts.collect(into: &$0) },
        ]
        return (Confined(parts, collections), CredentialGate(parts.authority))
      }
      return CredentialService(loop: loop, gate: gate, confined: confined)
    } catch {
      loop.stop()
      loop.join()
      throw error
    }
  }

  private init(loop: EventLoop, gate: CredentialGate, confined: Confined) {
    self.loop = loop
    self.gate = gate
    self.confined = confined
  }

  /// Those who ask have shut down.
  public func close() async {
    for collection in confined.metrics { collection.cancel() }
    _ = try? await loop.run { [confined] in confined.parts.close() }
    loop.stop()
    loop.join()
  }
}
