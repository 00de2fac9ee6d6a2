import Credentials
import Gateway
import Logging
import RedisClient
import ServiceSupport
import WebTransport

extension GatewayOptions {
  /// Who decides who may come in.
  enum Doors: Sendable {
    /// The keys of this process's settings.
    case keys(APIKeys)
    /// An authority, on its own loop.
    case credentials(CredentialGate)
  }

  /// The options, read and checked.
  struct Settings {
    var web: WebServerConfiguration
    var loops: Int
    var flushMilliseconds: UInt64
    var ringTrades: Int
    var usage: KeyUsage.Bounds
    var symbolsPerConnection: Int
    var messagesPerSecond: Int
    var proxies: TrustedProxies
    var drainSeconds: Int
    var certificate: CertificateFiles?
  }

  /// Before anything is started, so that a setting that cannot be used is told at once.
  func settings(
    _ source: OptionSource, drainSecondsDefault: Int = GatewayLimits.drainSeconds
  ) throws -> Settings {
    var usage = KeyUsage.Bounds()
    usage.connectionsMax = try source.integer(
      "connections-per-key", flag: connectionsPerKey, default: usage.connectionsMax,
      in: 1...16_777_216)
    usage.subscriptionsMax = try source.integer(
      "symbols-per-key", flag: symbolsPerKey, default: usage.subscriptionsMax,
      in: 1...1_000_000_000)
    let (web, certificate) = try listening.webConfiguration(source)
    return Settings(
      web: web,
      loops: try source.integer("loops", flag: loops, default: 1, in: 1...64),
      flushMilliseconds: UInt64(
        try source.integer("flush-ms", flag: flushMs, default: 10, in: 0...1_000)),
      ringTrades: try source.integer("ring-trades", flag: ringTrades, default: 256, in: 1...2_048),
      usage: usage,
      symbolsPerConnection: try source.integer(
        "symbols-per-connection", flag: symbolsPerConnection,
        default: GatewayLimits.subscriptionsPerClientMax,
        in: 1...GatewayLimits.subscriptionsPerClientMax),
      messagesPerSecond: try source.integer(
        "messages-per-second", flag: messagesPerSecond,
        default: Int(GatewayLimits.messageRate.perSecond), in: 1...1_000_000),
      proxies: try listening.proxies(source),
      drainSeconds: try source.integer(
        "drain-seconds", flag: drainSeconds, default: drainSecondsDefault,
        in: 0...GatewayLimits.drainSecondsMax),
      certificate: certificate)
  }
}

extension GatewayOptions.Settings {
  /// Starts the gateway and registers its stop; gives its address and what tells that it serves.
  func start(
    on host: ProcessHost, redis: RedisURL, feed: String, doors: GatewayOptions.Doors,
    metrics: PrometheusRegistry, routes: @escaping GatewayService.Routes = { _, _ in }
  ) async throws -> (address: String, readiness: Readiness) {
    let keys: APIKeys
    switch doors {
    case .keys(let given): keys = given
    case .credentials: keys = try APIKeys([])
    }
    var configuration = StreamLoop.Configuration(redis: redis, feed: feed, web: web, keys: keys)
    if case .credentials(let gate) = doors { configuration.credentials = gate }
    configuration.flushIntervalMilliseconds = flushMilliseconds
    configuration.fanOut.trades = ringTrades
    configuration.usage = KeyUsage(usage)
    configuration.clients.subscriptionsMax = symbolsPerConnection
    configuration.clients.messageRate = RateRule(
      burst: 8 * UInt64(messagesPerSecond), perSecond: UInt64(messagesPerSecond))
    configuration.proxies = proxies
    let readiness = Readiness((0..<loops).map(GatewayService.checkName))
    let service = try await GatewayService.start(
      loops: loops, configuration: configuration, readiness: readiness, metrics: metrics,
      logger: host.logger, routes: routes)
    let drainMilliseconds = UInt64(drainSeconds) * 1_000
    host.allowStop(milliseconds: drainMilliseconds)
    host.onStop("gateway") {
      await service.drain(milliseconds: drainMilliseconds)
      await service.close()
    }
    if let certificate {
      CertificateReload.begin(certificate, on: host, metrics: metrics) { await service.use($0) }
    }
    return (web.address(port: service.port), readiness)
  }
}

extension WebServerConfiguration {
  /// Of a server that listens on `port`.
  func address(port: UInt16) -> String {
    "\(certificate == nil ? "http" : "https")://\(host):\(port)"
  }
}

extension ListeningOptions {
  func proxies(_ source: OptionSource) throws -> TrustedProxies {
    try source.value(
      "trusted-proxies", flag: trustedProxies,
      expected: "a list of at most 64 numeric addresses", { TrustedProxies(parsing: $0) })
      ?? TrustedProxies()
  }

  /// With the files of its certificate, which are to be loaded again.
  func webConfiguration(
    _ source: OptionSource
  ) throws -> (WebServerConfiguration, CertificateFiles?) {
    let files = try CertificateFiles.read(source, certificate: tlsCertificate, key: tlsKey)
    let port = try source.integer("port", flag: port, default: 8_080, in: 0...65_535)
    var web = WebServerConfiguration(
      host: source.string("host", flag: host, default: "127.0.0.1"), port: UInt16(port))
    web.connectionsMax = try source.integer(
      "max-connections", flag: maxConnections, default: 65_536, in: 1...262_144)
    web.certificate = files?.certificate
    web.acceptsPerSecond = try source.integer(
      "accept-rate", flag: acceptRate, in: 1...1_000_000)
    web.connectionsPerAddressMax = try source.integer(
      "max-connections-per-address", flag: maxConnectionsPerAddress, in: 1...262_144)
    if let origins = try source.value(
      "allowed-origins", flag: allowedOrigins, expected: AllowedOrigins.rule,
      { AllowedOrigins(parsing: $0) })
    {
      web.allowedOrigins = origins
    }
    let logger = Logger(label: "web")
    web.log = { line in
      let omitted = line.omitted > 0 ? " (\(line.omitted) more before)" : ""
      logger.log(level: line.level == .error ? .error : .warning, "\(line.text)\(omitted)")
    }
    return (web, files)
  }
}
