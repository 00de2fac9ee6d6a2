import ArgumentParser
import Glibc
import ServiceSupport
import Upstream
import WebTransport

/// A live upstream: what is asked of it, and by whom.
struct UpstreamOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Symbols to ask for, AAPL,MSFT, or '*' for all that the upstream's path has.",
      valueName: "list"))
  var symbols: String?

  @Option(
    help: ArgumentHelp(
      "Channels to ask for: trades, quotes, orderbooks, bars, updatedBars, dailyBars, statuses "
        + "(default: trades,quotes, on crypto paths orderbooks too).", valueName: "list"))
  var channels: String?

  @Option(
    help: ArgumentHelp(
      "PEM file of the authorities to believe for wss:// (default: the machine's own).",
      valueName: "file"))
  var caFile: String?

  @Option(
    help: ArgumentHelp(
      "Reconnect when an open upstream brings no market data for so long; 0: never (default: 0).",
      valueName: "seconds"))
  var dataTimeout: Int?

  static func isUpstream(_ text: String) -> Bool {
    text.hasPrefix("ws://") || text.hasPrefix("wss://")
  }

  /// The connection that `--from ws://...` means. Key and secret come from the environment alone.
  func configuration(
    from text: String, _ source: OptionSource
  ) throws -> UpstreamConfiguration {
    let url: WebSocketURL
    do {
      url = try WebSocketURL(text)
    } catch {
      // It may hold a password that somebody put there.
      HiddenCredentials.hide(in: text)
      throw ServiceSupportError(.setting, "--from: \(error)")
    }
    guard let symbols = source.string("symbols", flag: symbols) else {
      throw ServiceSupportError(.setting, "give --symbols AAPL,MSFT or --symbols '*'")
    }
    let usual = url.target.contains("/crypto/") ? "trades,quotes,orderbooks" : "trades,quotes"
    var configuration = UpstreamConfiguration(
      url: url,
      subscription: try UpstreamOptions.subscription(
        symbols: symbols, channels: source.string("channels", flag: channels, default: usual)))
    configuration.credentials = try UpstreamOptions.credentials(source)
    configuration.certificatesPath = source.string("ca-file", flag: caFile)
    configuration.dataTimeoutMilliseconds =
      UInt64(try source.integer("data-timeout", flag: dataTimeout, default: 0, in: 0...86_400))
      * 1_000
    return configuration
  }

  static func subscription(symbols: String, channels: String) throws -> UpstreamSubscription {
    do {
      return try UpstreamSubscription(symbols: symbols, channels: channels)
    } catch {
      switch error {
      case .badChannel: throw ServiceSupportError(.setting, "--channels: \(error)")
      case .noSymbol, .badSymbol, .tooManySymbols:
        throw ServiceSupportError(.setting, "--symbols: \(error)")
      }
    }
  }

  /// Our own variables, else those that the official SDKs read; nil when none is set.
  private static func credentials(_ source: OptionSource) throws -> UpstreamCredentials? {
    let own = (
      source.string("upstream-key", flag: nil), source.string("upstream-secret", flag: nil)
    )
    let usual = (variable("APCA_API_KEY_ID"), variable("APCA_API_SECRET_KEY"))
    let names: (String, String)
    let given: (String?, String?)
    if own.0 != nil || own.1 != nil {
      (given, names) = (own, ("TAPEDECK_UPSTREAM_KEY", "TAPEDECK_UPSTREAM_SECRET"))
    } else {
      (given, names) = (usual, ("APCA_API_KEY_ID", "APCA_API_SECRET_KEY"))
    }
    switch given {
    case (nil, nil): return nil
    case (let key?, let secret?):
      guard let credentials = UpstreamCredentials(key: key, secret: secret) else {
        throw ServiceSupportError(.setting, "\(names.0), \(names.1): longer than 256 bytes")
      }
      return credentials
    case (nil, .some): throw ServiceSupportError(.setting, "\(names.1) is set, \(names.0) is not")
    case (.some, nil): throw ServiceSupportError(.setting, "\(names.0) is set, \(names.1) is not")
    }
  }

  private static func variable(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
  }
}
