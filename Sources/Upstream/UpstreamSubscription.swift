// What is asked of an upstream, and the messages that ask it. Pure.
import MarketData

/// The channels of the stream's protocol that can be subscribed to.
public enum UpstreamChannel: String, Sendable, CaseIterable {
  case trades
  case quotes
  case bars
  case updatedBars
  case dailyBars
  case orderbooks
  case statuses
}

public struct UpstreamSubscription: Hashable, Sendable {
  /// `["*"]` is all symbols of the path.
  public let symbols: [String]
  public let channels: [UpstreamChannel]

  public enum Fault: Error, Hashable, Sendable, CustomStringConvertible {
    case noSymbol
    case badSymbol(String)
    case tooManySymbols(Int)
    case badChannel(String)

    public var description: String {
      switch self {
      case .noSymbol: "no symbol is named"
      case .badSymbol(let name): "\"\(name.prefix(40))\" is no symbol (A-Z 0-9 . _ / -, up to 32)"
      case .tooManySymbols(let count):
        "\(count) symbols, and at most \(UpstreamLimits.symbolsMax) are taken; * is all of them"
      case .badChannel(let name):
        "\"\(name.prefix(40))\" is no channel ("
          + UpstreamChannel.allCases.map(\.rawValue).joined(separator: ", ") + ")"
      }
    }
  }

  /// From lists with commas: `AAPL,MSFT` or `*`; `trades,quotes`. Repeated names count once.
  public init(symbols: String, channels: String) throws(Fault) {
    var seen: Set<String> = []
    var names: [String] = []
    for part in symbols.split(separator: ",") {
      let name = String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
      guard name == "*" || Self.isSymbol(name) else { throw .badSymbol(name) }
      if seen.insert(name).inserted { names.append(name) }
    }
    guard !names.isEmpty else { throw .noSymbol }
    guard names.count <= UpstreamLimits.symbolsMax else { throw .tooManySymbols(names.count) }
    self.symbols = names.contains("*") ? ["*"] : names
    var list: [UpstreamChannel] = []
    for part in channels.split(separator: ",") {
      guard let channel = UpstreamChannel(rawValue: String(part)) else {
        throw .badChannel(String(part))
      }
      if !list.contains(channel) { list.append(channel) }
    }
    guard !list.isEmpty else { throw .badChannel("") }
    self.channels = list
  }

  private static func isSymbol(_ name: String) -> Bool {
    1...MarketDataLimits.symbolBytesMax ~= name.utf8.count
      && name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
          UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "/"), UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }

  /// The subscribe messages: each names all channels and as many symbols as `subscribeBytesMax` holds.
  func messages() -> [[UInt8]] {
    let bytesMax = UpstreamLimits.subscribeBytesMax / channels.count
    var messages: [[UInt8]] = []
    var part: [String] = []
    var bytes = 0
    for symbol in symbols {
      if bytes + symbol.utf8.count + 3 > bytesMax, !part.isEmpty {
        messages.append(message(part))
        part.removeAll()
        bytes = 0
      }
      part.append(symbol)
      bytes += symbol.utf8.count + 3
    }
    if !part.isEmpty { messages.append(message(part)) }
    return messages
  }

  private func message(_ part: [String]) -> [UInt8] {
    // Nothing in a symbol needs an escape.
    let list = "[" + part.map { "\"\($0)\"" }.joined(separator: ",") + "]"
    let fields = channels.map { "\"\($0.rawValue)\":\(list)" }
    return Array("{\"action\":\"subscribe\",\(fields.joined(separator: ","))}".utf8)
  }
}
