// The newest value of every symbol, and what of it Redis does not know yet.
//
// State (quote, depth, status, daily bar) is conflated: `apply` replaces, `flush` writes what changed.
// Trades, closed and updated bars are events: `apply` publishes each at once, and the key gets the
// newest of them at the flush. What becomes of a trade (`MarketBoard+Trades.swift`) goes the same way,
// on the same channel. Values are kept typed, not as bytes: a refresh encodes again, which costs a
// microsecond and no memory.
//
// Bounded by the symbol table: one slot of about 1.4 KB per symbol, whatever the rate and however long
// Redis is away. While it is away state is replaced here and trades are dropped and counted; the
// next trade's "P" tells every gateway that something was lost.
package import MarketData

package final class MarketBoard {
  package struct Counters: Sendable {
    package var events: UInt64 = 0
    /// Values that Redis took by SET, refreshes included.
    package var writes: UInt64 = 0
    package var refreshes: UInt64 = 0
    /// Last prices written for the day, for who asks when the live ones are gone.
    package var lastPrices: UInt64 = 0
    package var publications: UInt64 = 0
    /// State that was replaced before it was written.
    package var conflated: UInt64 = 0
    /// Trades that could not be published.
    package var tradesDropped: UInt64 = 0
    /// Closed and updated bars that could not be published.
    package var barsDropped: UInt64 = 0
  }

  /// The keys that this board writes; bits of the sets below.
  struct Keys: OptionSet {
    let rawValue: UInt8

    init(rawValue: UInt8) { self.rawValue = rawValue }

    init(_ key: MarketKey) { rawValue = 1 << key.rawValue }

    static let all: [(Keys, MarketKey)] = [
      MarketKey.price, .quote, .depth, .bar, .barUpdated, .barDaily, .status,
    ].map { (Keys($0), $0) }
  }

  struct Slot {
    /// The newest trade, as it stands after corrections.
    var trade: Trade?
    /// The trade before it, which is the newest again when that one is cancelled.
    var tradeBefore: Trade?
    var quote: Quote?
    var depth: Depth?
    var status: TradingStatus?
    /// Of the newest trade, or of what became of a trade since: the end of the chain of "P".
    var tradeSequence = SequenceNumber.zero
    var quoteSequence = SequenceNumber.zero
    var depthSequence = SequenceNumber.zero
    var statusSequence = SequenceNumber.zero
    /// The link of the chain before `tradeSequence`; zero when that is the first of this run.
    var tradePrevious = SequenceNumber.zero
    var staleSequence = SequenceNumber.zero
    var staleSince = Timestamp(nanoseconds: 0)
    /// By `BarKind`.
    var bars = InlineArray<3, BarSlot>(repeating: BarSlot())
    /// Loop milliseconds of the last SET of each key, by `MarketKey`.
    var written = InlineArray<8, UInt64>(repeating: 0)
    /// Has a value, which the feed vouches for.
    var live: Keys = []
    /// Cannot be vouched for until its next value.
    var stale: Keys = []
    /// To be written (live) or withdrawn (stale) at the next flush.
    var dirty: Keys = []
    /// When its last price was written, and that price. Nil: never, as far as Redis knows.
    var lastWritten: UInt64?
    var lastPrice: LastPrice?
  }

  let symbols: SymbolTable
  let codes: CodeTable
  var slots: [Slot] = []
  private var dirty: [SymbolID] = []
  private var dirtySpare: [SymbolID] = []
  private var key = ByteWriter(capacity: 64)
  var value = ByteWriter(capacity: 2_048)
  private var refreshSlice = 0
  private var lastSlice = 0

  /// The epoch of the events applied from now on. A value keeps the one that it came with.
  package private(set) var epoch: UInt64
  /// The feed's position of the last event applied.
  package private(set) var position: UInt64 = 0
  /// Symbols with a key that cannot be vouched for.
  package private(set) var staleSymbolCount = 0
  package internal(set) var counters = Counters()
  /// Events make state and are published to nobody; what is state then is for the flush after it.
  package var isMuted = false

  package init(symbols: SymbolTable, codes: CodeTable, epoch: UInt64) {
    self.symbols = symbols
    self.codes = codes
    self.epoch = epoch
  }

  package var sequence: SequenceNumber { SequenceNumber(epoch: epoch, number: position) }

  /// Numbering restarts. The position does too: were it kept, a heartbeat before the first event
  /// would claim a place that the feed then falls back from, and gateways ignore what falls back.
  package func beginEpoch(_ epoch: UInt64) {
    precondition(epoch > self.epoch, "an epoch that is not larger")
    self.epoch = epoch
    position = 0
  }

  /// A place on the feed that no event has.
  func advance(to position: UInt64) { self.position = position }

  // MARK: - Events in

  /// Takes note of an event that is not shown.
  package func pass(position: UInt64) {
    self.position = position
    counters.events &+= 1
  }

  /// Takes the next event of the feed. A trade leaves at once.
  package func apply(_ event: FeedEvent, position: UInt64, to sink: some MarketSink) {
    self.position = position
    counters.events &+= 1
    switch event {
    case .trade(let trade): apply(trade, to: sink)
    case .quote(let quote):
      let index = slot(quote.symbol)
      slots[index].quote = quote
      slots[index].quoteSequence = sequence
      becomeLive(.quote, quote.symbol)
    case .depth(let depth):
      let index = slot(depth.symbol)
      slots[index].depth = depth
      slots[index].depthSequence = sequence
      becomeLive(.depth, depth.symbol)
    case .bar(let bar, let kind): apply(bar, kind, sequence: sequence, to: sink)
    case .status(let status):
      let index = slot(status.symbol)
      slots[index].status = status
      slots[index].statusSequence = sequence
      becomeLive(.status, status.symbol)
    case .cancel(let cancel): apply(cancel, to: sink)
    case .correction(let correction): apply(correction, to: sink)
    case .stale(let symbol, let since): withdraw(symbol, since: since)
    }
  }

  /// The feed goes back: what was shown has not happened yet. Every symbol is withdrawn at the next
  /// flush, but for what has a value again by then. Chains of trades and bars go on.
  package func forget(since: Timestamp) {
    for index in slots.indices {
      slots[index].trade = nil
      slots[index].tradeBefore = nil
      slots[index].quote = nil
      slots[index].depth = nil
      slots[index].status = nil
      for place in slots[index].bars.indices { slots[index].bars[place].bar = nil }
      guard !slots[index].live.isEmpty else { continue }
      withdraw(SymbolID(index: UInt32(index)), since: since)
    }
  }

  func becomeLive(_ key: MarketKey, _ symbol: SymbolID) {
    let index = Int(symbol.index)
    let keys = Keys(key)
    if slots[index].dirty.contains(keys), !key.carriesEvents { counters.conflated &+= 1 }
    slots[index].live.insert(keys)
    if !slots[index].stale.isEmpty {
      slots[index].stale.remove(keys)
      if slots[index].stale.isEmpty { staleSymbolCount -= 1 }
    }
    markDirty(keys, symbol)
  }

  private func withdraw(_ symbol: SymbolID, since: Timestamp) {
    let index = slot(symbol)
    guard !slots[index].live.isEmpty else { return }
    if slots[index].stale.isEmpty { staleSymbolCount += 1 }
    slots[index].stale.formUnion(slots[index].live)
    slots[index].staleSequence = sequence
    slots[index].staleSince = since
    slots[index].live = []
    markDirty(slots[index].stale, symbol)
  }

  private func markDirty(_ keys: Keys, _ symbol: SymbolID) {
    let index = Int(symbol.index)
    if slots[index].dirty.isEmpty { dirty.append(symbol) }
    slots[index].dirty.formUnion(keys)
  }

  func slot(_ symbol: SymbolID) -> Int {
    let index = Int(symbol.index)
    while slots.count <= index { slots.append(Slot()) }
    return index
  }

  // MARK: - Values out

  package var hasUnwritten: Bool { !dirty.isEmpty }
  /// Symbols with something unwritten; at most those held.
  package var symbolsUnwritten: Int { dirty.count }
  /// Symbols with a slot; at most those of the table.
  package var symbolsHeld: Int { slots.count }

  /// Writes what changed since the last flush. What the sink does not take stays for the next one,
  /// and so does all that is behind it: a full sink takes no more now, and to encode 10,000 symbols
  /// in vain each 5 ms would keep the loop from emptying it.
  package func flush(to sink: some MarketSink, nowMilliseconds: UInt64) {
    swap(&dirty, &dirtySpare)
    var isFull = false
    for symbol in dirtySpare {
      let index = Int(symbol.index)
      let keys = slots[index].dirty
      slots[index].dirty = []
      for (bit, marketKey) in Keys.all where keys.contains(bit) {
        guard !isFull else {
          markDirty(bit, symbol)
          continue
        }
        let taken =
          slots[index].stale.contains(bit)
          ? withdraw(marketKey, symbol, from: sink)
          : write(marketKey, symbol, to: sink, nowMilliseconds: nowMilliseconds)
        if !taken {
          markDirty(bit, symbol)
          isFull = true
        }
      }
    }
    dirtySpare.removeAll(keepingCapacity: true)
  }

  /// Redis may have lost everything (a new link): all of it is written at the next flush.
  package func markAllDirty() {
    for index in slots.indices {
      let keys = slots[index].live.union(slots[index].stale)
      if !keys.isEmpty { markDirty(keys, SymbolID(index: UInt32(index))) }
      slots[index].lastWritten = nil
    }
  }

  /// Writes quiet symbols' keys again, by SET alone and with the numbers they have, before they
  /// expire. One call looks at one slice of the symbols, so that the writes are spread evenly. A
  /// slice that the sink does not take is looked at again by the next call.
  package func refreshNextSlice(to sink: some MarketSink, nowMilliseconds: UInt64) {
    for index in stride(from: refreshSlice, to: slots.count, by: IngestLimits.refreshSlices) {
      // What is dirty is not quiet: the flush writes it, and publishes it.
      let quiet = slots[index].live.subtracting(slots[index].dirty)
      for (bit, marketKey) in Keys.all where quiet.contains(bit) {
        let place = Int(marketKey.rawValue)
        let age = nowMilliseconds &- slots[index].written[place]
        let due = UInt64(marketKey.ttlMilliseconds) / IngestLimits.refreshAgeFraction
        guard age >= due else { continue }
        let symbol = SymbolID(index: UInt32(index))
        encode(marketKey, symbol)
        guard set(marketKey, to: sink) else { return }
        slots[index].written[place] = nowMilliseconds
        counters.writes &+= 1
        counters.refreshes &+= 1
      }
    }
    refreshSlice = (refreshSlice + 1) % IngestLimits.refreshSlices
  }

  /// Writes the last prices that are due, of one slice of the symbols: each at most every 10 s while
  /// it changes, and rarely when it does not. A symbol that was withdrawn keeps its last price.
  package func writeNextLastPrices(to sink: some MarketSink, nowMilliseconds: UInt64) {
    for index in stride(from: lastSlice, to: slots.count, by: IngestLimits.refreshSlices) {
      guard let last = lastPrice(index) else { continue }
      if let written = slots[index].lastWritten {
        let due =
          last == slots[index].lastPrice
          ? IngestLimits.lastPriceRenewalMilliseconds : IngestLimits.lastPriceMilliseconds
        guard nowMilliseconds &- written >= due else { continue }
      }
      guard write(last, SymbolID(index: UInt32(index)), to: sink) else { return }
      slots[index].lastWritten = nowMilliseconds
      slots[index].lastPrice = last
      counters.lastPrices &+= 1
    }
    lastSlice = (lastSlice + 1) % IngestLimits.refreshSlices
  }

  /// The last trade's; of a symbol that has none, the middle of its quote.
  private func lastPrice(_ index: Int) -> LastPrice? {
    if let trade = slots[index].trade {
      return LastPrice(price: trade.price, asOf: trade.timestamp)
    }
    return slots[index].quote.flatMap { LastPrice($0) }
  }

  private func write(
    _ last: LastPrice, _ symbol: SymbolID, to sink: some MarketSink
  ) -> Bool {
    let slot = slots[Int(symbol.index)]
    let sequence = slot.trade == nil ? slot.quoteSequence : slot.tradeSequence
    key.removeAll()
    value.removeAll()
    symbols.withBytes(of: symbol) {
      LastPrice.appendKey(symbol: $0, to: &key)
      last.append(symbol: $0, sequence: sequence, to: &value)
    }
    return key.withBytes { key in
      value.withBytes { value in
        sink.set(key: key, value: value, ttlMilliseconds: LastPrice.ttlMilliseconds)
      }
    }
  }

  /// The names of the symbols that cannot be vouched for, for the heartbeat.
  package func staleSymbols() -> FeedHeartbeat.Stale {
    guard staleSymbolCount > 0 else { return .symbols([]) }
    guard staleSymbolCount <= FeedHeartbeat.staleSymbolsMax else { return .all }
    let names = slots.indices.filter { !slots[$0].stale.isEmpty }
      .map { symbols.name(of: SymbolID(index: UInt32($0))) }
    return .symbols(names)
  }

  /// SET, and for state SPUBLISH: events were published when they came.
  private func write(
    _ marketKey: MarketKey, _ symbol: SymbolID, to sink: some MarketSink, nowMilliseconds: UInt64
  ) -> Bool {
    encode(marketKey, symbol)
    guard set(marketKey, to: sink) else { return false }
    slots[Int(symbol.index)].written[Int(marketKey.rawValue)] = nowMilliseconds
    counters.writes &+= 1
    guard !marketKey.carriesEvents else { return true }
    guard publish(to: sink) else { return false }
    counters.publications &+= 1
    return true
  }

  private func withdraw(
    _ marketKey: MarketKey, _ symbol: SymbolID, from sink: some MarketSink
  ) -> Bool {
    let slot = slots[Int(symbol.index)]
    beginKey(marketKey, symbol)
    WireJSON.encodeStale(
      symbol, since: slot.staleSince, sequence: slot.staleSequence, symbols: symbols, into: &value)
    guard key.withBytes({ sink.delete(key: $0) }), publish(to: sink) else { return false }
    counters.publications &+= 1
    return true
  }

  private func set(_ marketKey: MarketKey, to sink: some MarketSink) -> Bool {
    key.withBytes { key in
      value.withBytes { value in
        sink.set(key: key, value: value, ttlMilliseconds: marketKey.ttlMilliseconds)
      }
    }
  }

  func publish(to sink: some MarketSink) -> Bool {
    key.withBytes { key in value.withBytes { sink.publish(channel: key, message: $0) } }
  }

  func beginKey(_ marketKey: MarketKey, _ symbol: SymbolID) {
    key.removeAll()
    symbols.withBytes(of: symbol) { marketKey.append(symbol: $0, to: &key) }
    value.removeAll()
  }

  /// Puts key and value of a symbol's newest into the scratch buffers.
  func encode(_ marketKey: MarketKey, _ symbol: SymbolID) {
    beginKey(marketKey, symbol)
    let index = Int(symbol.index)
    switch marketKey {
    case .price:
      WireJSON.encodeTrade(
        slots[index].trade!, sequence: slots[index].tradeSequence,
        previous: slots[index].tradePrevious, symbols: symbols, codes: codes, into: &value)
    case .quote:
      WireJSON.encodeQuote(
        slots[index].quote!, sequence: slots[index].quoteSequence, symbols: symbols, codes: codes,
        into: &value)
    case .depth:
      WireJSON.encodeDepth(
        slots[index].depth!, sequence: slots[index].depthSequence, symbols: symbols, into: &value)
    case .bar: encode(.minute, index)
    case .barUpdated: encode(.updated, index)
    case .barDaily: encode(.daily, index)
    case .status:
      WireJSON.encodeStatus(
        slots[index].status!, sequence: slots[index].statusSequence, symbols: symbols,
        codes: codes, into: &value)
    case .limits: preconditionFailure("MarketBoard does not hold \(marketKey)")
    }
  }
}
