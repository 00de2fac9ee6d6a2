// Whether trades are missing, by the numbers that a gateway of ours puts on them: each names its
// symbol's one before, whatever became of it (a trade, a cancellation, a correction). Pure.

public import MarketData

public struct EventChains {
  public enum Link: Hashable, Sendable {
    /// The first of its symbol, or it follows the last one.
    case follows
    /// Something between the last one and this is missing, and nobody has said so yet.
    case missing
    /// It has no number: nobody can know.
    case unnumbered
  }

  private enum Last {
    case none
    case known(SequenceNumber)
    case unnumbered
    /// Something is missing, and that has been told.
    case broken
  }

  /// By symbol.
  private var lasts: [Last] = []

  public init() {}

  /// The next event of a symbol, as JSON.
  public mutating func next(_ symbol: SymbolID, _ json: UnsafeRawBufferPointer) -> Link {
    let last = last(symbol)
    guard let header = try? MessageHeader(scanning: json), header.sequence.number > 0 else {
      lasts[Int(symbol.index)] = .unnumbered
      return .unnumbered
    }
    lasts[Int(symbol.index)] = .known(header.sequence)
    if case .known(let number) = last, let previous = header.previous, previous != number {
      return .missing
    }
    return .follows
  }

  /// Something was lost before the symbol's next event. False when that is no news, or the symbol had
  /// no event yet.
  public mutating func lose(_ symbol: SymbolID) -> Bool {
    switch last(symbol) {
    case .none, .broken: return false
    case .known, .unnumbered:
      lasts[Int(symbol.index)] = .broken
      return true
    }
  }

  /// Symbols of which something may have been lost and nobody could tell; each is lost then.
  public mutating func loseUnnumbered() -> [SymbolID] {
    var lost: [SymbolID] = []
    for index in lasts.indices {
      guard case .unnumbered = lasts[index] else { continue }
      lasts[index] = .broken
      lost.append(SymbolID(index: UInt32(index)))
    }
    return lost
  }

  /// All symbols that have had an event are lost; those for which that is news.
  public mutating func loseAll() -> [SymbolID] {
    lasts.indices.map { SymbolID(index: UInt32($0)) }.filter { lose($0) }
  }

  private mutating func last(_ symbol: SymbolID) -> Last {
    while lasts.count <= Int(symbol.index) { lasts.append(.none) }
    return lasts[Int(symbol.index)]
  }
}

extension FeedEvent {
  public var symbol: SymbolID {
    switch self {
    case .trade(let trade): trade.symbol
    case .quote(let quote): quote.symbol
    case .depth(let depth): depth.symbol
    case .bar(let bar, _): bar.symbol
    case .status(let status): status.symbol
    case .cancel(let cancel): cancel.symbol
    case .correction(let correction): correction.symbol
    case .stale(let symbol, _): symbol
    }
  }

  /// Trades, cancellations and corrections name their predecessor.
  public var isInTradeChain: Bool {
    switch self {
    case .trade, .cancel, .correction: true
    case .quote, .depth, .bar, .status, .stale: false
    }
  }
}
