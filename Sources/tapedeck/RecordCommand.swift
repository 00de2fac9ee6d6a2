import ArgumentParser
import EventLoops
import Feeds
import Glibc
import Logging
import MarketData
import Recording
import ServiceSupport
import Upstream

/// Writes down what a stream or a Redis says, as a tape.
struct RecordCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record", abstract: "Record a live stream, or what is in a Redis, as a tape.",
    discussion: """
      --from ws://127.0.0.1:8080/v2/iex --symbols '*' records any server of the Alpaca market-data \
      stream, a Tapedeck gateway included; key and secret come from TAPEDECK_UPSTREAM_KEY and \
      TAPEDECK_UPSTREAM_SECRET, or from APCA_API_KEY_ID and APCA_API_SECRET_KEY. --from redis records \
      what an ingester publishes in the Redis of --redis.

      The tape is readable at any moment but for its last second, also when the process is killed. A \
      file that is there is never written over. With --rotate-mb or --rotate-minutes tape.ndjson.gz \
      becomes tape-0001.ndjson.gz, tape-0002.ndjson.gz and so on. It ends on SIGINT or SIGTERM.
      """)

  @Option(help: ArgumentHelp("ws://..., wss://... or redis.", valueName: "source"))
  var from: String?

  @OptionGroup var upstream: UpstreamOptions

  @Option(help: ArgumentHelp("The tape to write; .gz is compressed.", valueName: "file"))
  var out: String?

  @Option(help: ArgumentHelp("Go on in a new file after so many MB on disk.", valueName: "MB"))
  var rotateMb: Int?

  @Option(help: ArgumentHelp("Go on in a new file after so many minutes.", valueName: "minutes"))
  var rotateMinutes: Int?

  @OptionGroup var location: RedisLocation
  @OptionGroup var logs: LogOptions

  func run() throws {
    // A file over the limit of its size is an error of write, not the end.
    signal(SIGXFSZ, SIG_IGN)
    let command = self
    try runProcess("tapedeck record", logs) { host, source in
      try await command.start(on: host, source)
    }
  }

  private func start(on host: ProcessHost, _ options: OptionSource) async throws {
    guard let out = options.string("out", flag: out) else {
      throw ServiceSupportError(.setting, "give --out FILE.ndjson.gz")
    }
    let shown = RecordingDisplay(logger: host.logger)
    let service = try await RecordingService.start(
      try source(options), path: out, rotation: try rotation(options), logger: host.logger,
      onSecond: { shown.second($0) },
      onFailure: { error in
        shown.hasFailed()
        host.fail(error)
      })
    host.onStop("recording") {
      do {
        shown.end(try await service.close())
      } catch {
        host.fail(error)
      }
    }
  }

  private func rotation(_ options: OptionSource) throws -> RecordingRotation {
    let mb = try options.integer("rotate-mb", flag: rotateMb, default: 0, in: 0...1_000_000)
    let minutes = try options.integer(
      "rotate-minutes", flag: rotateMinutes, default: 0, in: 0...10_080)
    return RecordingRotation(
      fileBytes: mb == 0 ? nil : UInt64(mb) * 1_000_000,
      milliseconds: minutes == 0 ? nil : UInt64(minutes) * 60_000)
  }

  private func source(_ options: OptionSource) throws -> RecordingService.Source {
    guard let from = options.string("from", flag: from) else {
      throw ServiceSupportError(.setting, "give --from ws://..., wss://... or redis")
    }
    if UpstreamOptions.isUpstream(from) {
      return .upstream(try upstream.configuration(from: from, options))
    }
    guard from == "redis" else {
      throw ServiceSupportError(.setting, "--from: \"\(from)\" is not ws://..., wss://... or redis")
    }
    let all = MarketKey.allCases.count
    let subscription = try UpstreamOptions.subscription(
      symbols: options.string("symbols", flag: upstream.symbols, default: "*"),
      channels: options.string(
        "channels", flag: upstream.channels,
        default: UpstreamChannel.allCases.map(\.rawValue).joined(separator: ",")))
    let keys = StreamChannel.allCases.filter { channel in
      subscription.channels.contains { $0.rawValue == "\(channel.name)" }
    }.map(\.key)
    precondition(keys.count <= all)
    return .redis(
      RedisRecorder.Configuration(
        redis: try location.url(options), feed: try location.feed(options),
        symbols: subscription.symbols, keys: keys))
  }
}
