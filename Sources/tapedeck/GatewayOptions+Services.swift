import Gateway
import Logging
import ServiceSupport
import WebTransport

/// The gateway's settings, checked.
struct GatewaySettings {
  var configuration: WebServerConfiguration
  var loops: Int
  var flushMilliseconds: Int
  var ringTrades: Int

  func apply(to stream: inout StreamLoop.Configuration) {
    stream.flushIntervalMilliseconds = UInt64(flushMilliseconds)
    stream.fanOut.trades = ringTrades
  }
}

extension GatewayOptions {
  func services(_ source: OptionSource) throws -> GatewaySettings {
    let port = try source.integer("port", flag: port, default: 8_080, in: 0...65_535)
    var web = WebServerConfiguration(
      host: source.string("host", flag: host, default: "127.0.0.1"), port: UInt16(port))
    web.connectionsMax = try source.integer(
      "max-connections", flag: maxConnections, default: 65_536, in: 1...262_144)
    let logger = Logger(label: "web")
    web.log = { line in
      let omitted = line.omitted > 0 ? " (\(line.omitted) more before)" : ""
      logger.log(level: line.level == .error ? .error : .warning, "\(line.text)\(omitted)")
    }
    return GatewaySettings(
      configuration: web,
      loops: try source.integer("loops", flag: loops, default: 1, in: 1...64),
      flushMilliseconds: try source.integer("flush-ms", flag: flushMs, default: 10, in: 0...1_000),
      ringTrades: try source.integer(
        "ring-trades", flag: ringTrades, default: 256, in: 1...2_048))
  }
}
