import ArgumentParser
import Feeds
import Ingest
import Logging
import ServiceSupport

/// What every service takes.
struct LogOptions: ParsableArguments {
  @Option(help: "trace, debug, info, notice, warning, error or critical (default: info).")
  var logLevel: String?

  /// Starts logging; call once.
  func logger(_ label: String, _ source: OptionSource) throws -> Logger {
    let level = try source.value(
      "log-level", flag: logLevel,
      expected: "one of \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))"
    ) { Logger.Level(rawValue: $0) }
    StandardErrorLog.bootstrap(level: level ?? .info)
    return Logger(label: label)
  }
}

/// What is played, and how.
struct FeedOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A tape: native NDJSON, a Binance recording, ITCH 5.0 or LOBSTER, .gz or not. Several (--tape "
        + "again, or commas in the variable) are played as one, by time.", valueName: "file"))
  var tape: [String] = []

  @Option(
    help: ArgumentHelp(
      "Another source: sim:stocks=500,rate=5000,seed=7, or (ingest alone) wss://host/v2/iex.",
      valueName: "source"))
  var from: String?

  @Option(
    help: ArgumentHelp(
      "Feed seconds in one of ours, such as 1, 0.5 or 60, or max (default: 1).",
      valueName: "factor|max"))
  var speed: String?

  @Flag(inversion: .prefixedNo, help: "Start again at the tape's end.")
  var loop: Bool?

  @Option(
    help: ArgumentHelp(
      "Timestamps moved to now, or as on the tape: rebased or original (default: rebased).",
      valueName: "rebased|original"))
  var clock: String?

  @OptionGroup var bounds: BoundsOptions

  /// The URL of a live upstream, when that is what is asked for. It has its own time, so nothing that is
  /// said of a play goes with it.
  func upstream(_ source: OptionSource) throws -> String? {
    guard let from = source.string("from", flag: from), UpstreamOptions.isUpstream(from) else {
      return nil
    }
    let given = [
      ("tape", !tape.isEmpty), ("speed", speed != nil), ("loop", loop != nil),
      ("clock", clock != nil), ("start", bounds.start != nil), ("end", bounds.end != nil),
    ]
    if let other = given.first(where: \.1) {
      throw ServiceSupportError(.setting, "--\(other.0) does not go with a live upstream")
    }
    return from
  }

  /// The play that is asked for; `fallback` when neither tape nor source is named.
  func play(
    _ source: OptionSource, fallback: @autoclosure () throws -> String?, loopsByDefault: Bool
  ) throws -> (play: IngestService.Play, name: String) {
    let tapes = tapes(source)
    let from = source.string("from", flag: from)
    if !tapes.isEmpty, from != nil {
      throw ServiceSupportError(.setting, "--tape and --from are both given; one of them must go")
    }
    if let from, UpstreamOptions.isUpstream(from) {
      throw ServiceSupportError(.setting, "--from ws://... is for tapedeck ingest and record")
    }
    let given = tapes.isEmpty ? from : tapes.joined(separator: ",")
    guard let name = try given ?? fallback() else {
      throw ServiceSupportError(.setting, "give --tape FILE or --from sim:...")
    }
    let speed =
      try source.value(
        "speed", flag: speed, expected: "'max' or a number above 0, up to 1000000",
        { try? FeedSpeed(parsing: $0) }) ?? .realTime
    let timestamps =
      try source.value(
        "clock", flag: clock, expected: "rebased or original",
        { FeedTimestamps(rawValue: $0) }) ?? .rebased
    let loops = try source.boolean("loop", flag: loop, default: loopsByDefault)
    let arguments =
      tapes.isEmpty
      ? [try FeedArgument(parsing: name)] : tapes.map { FeedArgument.file(path: $0) }
    let argument = FeedArgument.selection(arguments, try bounds.read(source))
    return (
      IngestService.Play(
        argument: argument, clock: FeedClock(speed: speed, timestamps: timestamps), loops: loops),
      name
    )
  }
}

extension FeedOptions {
  private func tapes(_ source: OptionSource) -> [String] {
    guard tape.isEmpty else { return tape }
    return source.string("tape", flag: nil)?.split(separator: ",").map(String.init) ?? []
  }
}

/// The part of a feed that is wanted.
struct BoundsOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Begin at this time, its events included: 2026-11-20T14:30:00Z, or 14:30:05 (UTC) of the "
        + "feed's first day.", valueName: "time"))
  var start: String?

  @Option(
    help: ArgumentHelp("Stop before this time, its events not included.", valueName: "time"))
  var end: String?

  func read(_ source: OptionSource) throws -> FeedBounds {
    func moment(_ name: String, _ flag: String?) throws -> FeedMoment? {
      try source.value(name, flag: flag, expected: FeedMoment.rule) { FeedMoment(parsing: $0) }
    }
    return try FeedBounds(start: try moment("start", start), end: try moment("end", end))
  }
}

/// Where a service listens.
struct ListeningOptions: ParsableArguments {
  @Option(help: "The address to listen on (default: 127.0.0.1).")
  var host: String?

  @Option(help: "The port to listen on; 0 lets the kernel choose (default: 8080).")
  var port: Int?

  @Option(help: "WebSocket and HTTP connections per thread at the most (default: 65536).")
  var maxConnections: Int?

  @Option(
    help: ArgumentHelp(
      "Serve https and wss: the certificate and its chain, in PEM. SIGHUP loads both files again.",
      valueName: "file"))
  var tlsCertificate: String?

  @Option(
    help: ArgumentHelp("The certificate's key, in PEM, without a passphrase.", valueName: "file"))
  var tlsKey: String?

  @Option(
    help: ArgumentHelp(
      "Proxies, by address and with commas, whose X-Forwarded-For tells where clients come from "
        + "(default: none).", valueName: "addresses"))
  var trustedProxies: String?

  @Option(
    help: ArgumentHelp(
      "Connections taken per thread and second, after 4096 at once; more are told 503 and when to "
        + "come again, or over TLS wait (default: 2000, over TLS 1000).", valueName: "rate"))
  var acceptRate: Int?

  @Option(
    help: ArgumentHelp(
      "Connections from one address per thread; not behind a proxy (default: without a limit).",
      valueName: "count"))
  var maxConnectionsPerAddress: Int?

  @Option(
    help: ArgumentHelp(
      "Whose web pages may open WebSockets: https://app.example.com,http://localhost:3000, null, "
        + "or * (default: *).", valueName: "origins"))
  var allowedOrigins: String?
}

/// How the gateway listens and flushes.
struct GatewayOptions: ParsableArguments {
  @OptionGroup var listening: ListeningOptions

  @Option(help: "Threads that serve clients (default: 1).")
  var loops: Int?

  @Option(help: "Milliseconds between a client's frames under load (default: 10).")
  var flushMs: Int?

  @Option(help: "Trades that a symbol keeps for clients that fall behind (default: 256).")
  var ringTrades: Int?

  @Option(
    help: """
      Seconds over which a stop closes its WebSocket clients, after it has told them when to come back \
      elsewhere; 0 closes at once (default: 8; of up: 0).
      """)
  var drainSeconds: Int?

  @Option(help: "WebSocket connections of one key, or one user's sessions (default: 16384).")
  var connectionsPerKey: Int?

  @Option(
    help: "Names (symbol x channel) that all connections of one key hold (default: 4194304).")
  var symbolsPerKey: Int?

  @Option(help: "Names (symbol x channel) that one connection holds (default: 50000).")
  var symbolsPerConnection: Int?

  @Option(
    help: ArgumentHelp(
      "What a client may say: messages a second, after eight times as many at once (default: 32).",
      valueName: "rate"))
  var messagesPerSecond: Int?
}
