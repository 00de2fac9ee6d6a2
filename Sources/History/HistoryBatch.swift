// Entries of the stream on their way into the database.
package import Bars
import MarketData
package import RedisClient

/// One entry, read.
package struct HistoryEntry {
  package let id: String
  package let packs: [HistoryPack]

  /// Throws the reason why it is none.
  package init(_ entry: Redis.StreamEntry) throws(HistoryPackError) {
    id = entry.id
    var packs: [HistoryPack] = []
    for (name, value) in entry.fields ?? [] {
      guard name == [UInt8(ascii: "b")] || name == [UInt8(ascii: "t")] else {
        throw HistoryPackError(offset: 0, reason: "a field that is neither b nor t")
      }
      do {
        let pack = try value.withUnsafeBytes { bytes in
          Result { () throws(HistoryPackError) in try HistoryPack(bytes) }
        }.get()
        packs.append(pack)
      }
    }
    self.packs = packs
  }
}

/// Several entries, as rows of the two tables.
struct HistoryBatch {
  private(set) var barCount = 0
  private(set) var tradeCount = 0
  /// Rows of days that have no partition.
  private(set) var tradesLeftOut = 0
  private(set) var bars: [[UInt8]] = []
  private(set) var trades: [[UInt8]] = []

  static func days(_ entries: [HistoryEntry]) -> Set<Int64> {
    var days: Set<Int64> = []
    for entry in entries {
      for pack in entry.packs {
        var last: Int64?
        for trade in pack.trades {
          let day = trade.timestamp.day
          if day != last { days.insert(day) }
          last = day
        }
      }
    }
    return days
  }

  /// - Parameter days: those with a partition.
  init(_ entries: [HistoryEntry], days: Set<Int64>) {
    var barText = CopyText()
    var tradeText = CopyText()
    for entry in entries {
      for pack in entry.packs {
        for bar in pack.bars {
          HistoryBatch.write(bar, of: pack, to: &barText)
          barCount += 1
          if barText.byteCount >= HistoryLimits.copyBytes { bars.append(barText.take()) }
        }
        for trade in pack.trades {
          guard days.contains(trade.timestamp.day) else {
            tradesLeftOut += 1
            continue
          }
          HistoryBatch.write(trade, of: pack, to: &tradeText)
          tradeCount += 1
          if tradeText.byteCount >= HistoryLimits.copyBytes { trades.append(tradeText.take()) }
        }
      }
    }
    if barText.byteCount > 0 { bars.append(barText.take()) }
    if tradeText.byteCount > 0 { trades.append(tradeText.take()) }
  }

  private static func write(
    _ bar: HistoryPack.BarRow, of pack: HistoryPack, to text: inout CopyText
  ) {
    text.text(pack.feed)
    text.text(pack.symbols[bar.symbol])
    text.time(bar.start)
    text.integer(Int64(bar.sequence.epoch))
    text.integer(Int64(bar.sequence.number))
    text.decimal(bar.open)
    text.decimal(bar.high)
    text.decimal(bar.low)
    text.decimal(bar.close)
    text.decimal(bar.volume)
    text.decimal(bar.notional)
    text.integerOrNull(bar.tradeCount.map { Int64($0) })
    text.endRow()
  }

  private static func write(
    _ trade: HistoryPack.TradeRow, of pack: HistoryPack, to text: inout CopyText
  ) {
    text.text(pack.feed)
    text.text(pack.symbols[trade.symbol])
    text.time(trade.timestamp)
    text.integer(trade.timestamp.nanosOfMicrosecond)
    text.integer(Int64(trade.sequence.epoch))
    text.integer(Int64(trade.sequence.number))
    text.decimal(trade.price)
    text.decimal(trade.size)
    text.integerOrNull(trade.id)
    text.textOrNull(trade.exchange.map { pack.codes[$0] })
    text.textOrNull(trade.conditions.map { pack.codes[$0] })
    text.textOrNull(trade.tape.map { pack.codes[$0] })
    switch trade.takerSide {
    case .unknown: text.null()
    case .buy: text.text("B")
    case .sell: text.text("S")
    }
    text.endRow()
  }
}
