import FanOut
import MarketData

/// What a `subscription` message lists.
struct SubscriptionLists {
  let path: AssetClass
  /// By channel.
  let names: [[SymbolName]]
  let wildcards: [Bool]

  private var channels: [(name: StaticString, list: StreamChannel)] {
    SubscriptionLists.channels(of: path)
  }

  /// The names of a path's lists, and whose names are in them.
  static func channels(of path: AssetClass) -> [(name: StaticString, list: StreamChannel)] {
    let carried = StreamChannel.allCases.filter { $0.isCarried(by: path) }
      .map { (name: $0.name, list: $0) }
    // Corrections and cancelled trades follow the trades.
    return carried + [("corrections", .trades), ("cancelErrors", .trades)]
  }

  /// Bytes that a name takes in an acknowledgement at the most, in either encoding: quotes and a
  /// comma around it, wherever it is listed.
  static func bytes(of name: TopicDirectory.Name) -> Int {
    let lists = name.channel == .trades ? 3 : 1
    return lists * (name.symbol.withBytes { $0.count } + 3)
  }

  func write(_ encoding: ClientEncoding, into out: inout ByteWriter) {
    switch encoding {
    case .json: writeJSON(into: &out)
    case .messagePack: writeMessagePack(into: &out)
    }
  }

  private func writeJSON(into out: inout ByteWriter) {
    out.append("[{\"T\":\"subscription\"")
    for (name, channel) in channels {
      out.append(",\"")
      out.append(name)
      out.append("\":[")
      let index = Int(channel.rawValue)
      if wildcards[index] { out.append("\"*\"") }
      for (place, symbol) in names[index].enumerated() {
        // A symbol needs no escape: [A-Z0-9._/-].
        out.append(place > 0 || wildcards[index] ? ",\"" : "\"")
        symbol.withBytes { out.append($0) }
        out.append("\"")
      }
      out.append("]")
    }
    out.append("}]")
  }

  private func writeMessagePack(into out: inout ByteWriter) {
    out.packArray(count: 1)
    out.packMap(count: channels.count + 1)
    out.packString("T")
    out.packString("subscription")
    for (name, channel) in channels {
      let index = Int(channel.rawValue)
      out.packString(name)
      out.packArray(count: names[index].count + (wildcards[index] ? 1 : 0))
      if wildcards[index] { out.packString("*") }
      for symbol in names[index] { symbol.withBytes { out.packString(utf8: $0.bytes) } }
    }
  }
}
