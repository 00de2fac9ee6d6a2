// Bars of every symbol of a feed, made of its trades: each minute that had any, the day so far, and
// the day before.
//
// Time is the feed's and only ever told from outside: `advance` ends the minutes that are over, `take`
// adds a trade. So the same events with the same times give the same bars, however fast they come.
// Minutes are closed before the first event at or after their end is taken.
//
// It belongs to one thread. Memory is bounded by the symbol table: about 0.9 KB a symbol, four minutes
// and two days. Cancelled and corrected trades do not change a bar: a minute keeps no trades of which
// another high or low could be found. It writes nothing and knows no keys.
public import MarketData

public final class BarMaker {
  public struct Counters: Hashable, Sendable {
    public var minutes: UInt64 = 0
    public var updates: UInt64 = 0
    /// Trades whose minute ended too long ago.
    public var tooLate: UInt64 = 0
    /// Trades with a timestamp too far ahead of the feed's clock.
    public var tooEarly: UInt64 = 0
    /// Trades that change no bar by their conditions.
    public var uncounted: UInt64 = 0
  }

  private struct Slot {
    /// By the minute's number modulo their count.
    var minutes = InlineArray<4, BarSpan>(repeating: BarSpan())
    var day = BarSpan()
    var dayBefore = BarSpan()
    var emitted = SequenceNumber.zero
    var isOpen = false
    var isDayDirty = false
    /// The feed brings this symbol's bars.
    var isBrought = false
  }

  public private(set) var counters = Counters()
  private let symbols: SymbolTable
  private var effects: SaleEffects
  private var slots: [Slot] = []
  /// Symbols with a minute that is not closed.
  private var open: [SymbolID] = []
  /// Symbols whose day changed since it was told.
  private var changedDays: [SymbolID] = []
  /// The minute that the feed's clock is in; nil before the first `advance`.
  private var minute: Int64?

  public init(symbols: SymbolTable, codes: CodeTable) {
    self.symbols = symbols
    effects = SaleEffects(codes: codes)
  }

  /// The moment at which `advance` has something to do; nil when nothing is open.
  public var nextBoundary: Timestamp? {
    guard let minute, !open.isEmpty || !changedDays.isEmpty else { return nil }
    return Timestamp(nanoseconds: BarMaker.start(ofMinute: minute + 1))
  }

  // MARK: - Time

  /// Whether the feed's clock was told a time so much later.
  public func isAhead(of time: Timestamp, byMinutes minutes: Int64) -> Bool {
    let then = NewYorkTime.floorDivide(time.nanoseconds, BarsLimits.minuteNanoseconds)
    return minute.map { then < $0 - minutes } ?? false
  }

  /// The feed's clock stands at `time`. Tells every minute that is over, and then the days that
  /// changed. A clock that goes back changes nothing: see `restart`.
  public func advance(to time: Timestamp, _ tell: (BuiltBar) -> Void) {
    let now = NewYorkTime.floorDivide(time.nanoseconds, BarsLimits.minuteNanoseconds)
    guard let before = minute else {
      minute = now
      return
    }
    guard now > before else { return }
    minute = now
    closeMinutes(before: now, tell)
    tellDays(tell)
  }

  /// The feed has ended: what is open is told as it stands.
  public func finish(_ tell: (BuiltBar) -> Void) {
    closeMinutes(before: .max, tell)
    tellDays(tell)
  }

  /// The feed begins again with its own, earlier times: everything is forgotten but the order of what
  /// was told. Call `finish` before it.
  public func restart() {
    minute = nil
    open.removeAll(keepingCapacity: true)
    changedDays.removeAll(keepingCapacity: true)
    for index in slots.indices {
      var fresh = Slot()
      fresh.emitted = slots[index].emitted
      fresh.isBrought = slots[index].isBrought
      slots[index] = fresh
    }
  }

  private func closeMinutes(before now: Int64, _ tell: (BuiltBar) -> Void) {
    var kept = 0
    for place in open.indices {
      let symbol = open[place]
      if closeMinutes(of: symbol, before: now, tell) {
        open[kept] = symbol
        kept += 1
      } else {
        slots[Int(symbol.index)].isOpen = false
      }
    }
    open.removeLast(open.count - kept)
  }

  /// Whether one stays open.
  private func closeMinutes(
    of symbol: SymbolID, before now: Int64, _ tell: (BuiltBar) -> Void
  ) -> Bool {
    let index = Int(symbol.index)
    var staysOpen = false
    // Two at the most: the current minute and the one ahead, in their order.
    while true {
      var next: (place: Int, number: Int64)?
      for place in 0..<BarsLimits.minutesKept {
        guard let number = slots[index].minutes[place].number,
          !slots[index].minutes[place].isClosed
        else { continue }
        guard number < now else {
          staysOpen = true
          continue
        }
        if next.map({ number < $0.number }) ?? true { next = (place, number) }
      }
      guard let next else { return staysOpen }
      slots[index].minutes[next.place].isClosed = true
      if slots[index].minutes[next.place].hasPrice {
        counters.minutes += 1
        self.tell(.minute, symbol, next.place, tell)
      }
    }
  }

  private func tell(_ kind: BarKind, _ symbol: SymbolID, _ place: Int, _ tell: (BuiltBar) -> Void) {
    let index = Int(symbol.index)
    let span = slots[index].minutes[place]
    guard let number = span.number else { return }
    var sequence = span.last
    if sequence <= slots[index].emitted {
      sequence = slots[index].emitted
      sequence.number += 1
    }
    slots[index].emitted = sequence
    let start = Timestamp(nanoseconds: BarMaker.start(ofMinute: number))
    tell(
      BuiltBar(
        bar: span.bar(symbol, start: start), kind: kind, notional: span.notional,
        sequence: sequence))
  }

  private func tellDays(_ tell: (BuiltBar) -> Void) {
    for symbol in changedDays {
      let index = Int(symbol.index)
      slots[index].isDayDirty = false
      guard let bar = dayBar(slots[index].day, symbol) else { continue }
      tell(
        BuiltBar(
          bar: bar, kind: .daily, notional: slots[index].day.notional,
          sequence: slots[index].day.last))
    }
    changedDays.removeAll(keepingCapacity: true)
  }

  private func dayBar(_ span: BarSpan, _ symbol: SymbolID) -> Bar? {
    guard let number = span.number, span.hasPrice else { return nil }
    let seconds =
      symbols.assetClass(of: symbol) == .crypto
      ? number * 86_400 : NewYorkTime.start(ofDay: number)
    return span.bar(symbol, start: Timestamp(nanoseconds: seconds * 1_000_000_000))
  }

  /// The bar of the day before the one under way (the last day with trades), as `prevDailyBar` of a
  /// snapshot. Nil where the feed did not reach back so far.
  public func previousDay(of symbol: SymbolID) -> Bar? {
    guard Int(symbol.index) < slots.count else { return nil }
    return dayBar(slots[Int(symbol.index)].dayBefore, symbol)
  }

  private static func start(ofMinute number: Int64) -> Int64 {
    let (start, overflow) = number.multipliedReportingOverflow(by: BarsLimits.minuteNanoseconds)
    return overflow ? (number < 0 ? .min : .max) : start
  }

  // MARK: - Trades

  /// Adds a trade. One of a minute that was told tells it again as updated.
  public func take(_ trade: Trade, sequence: SequenceNumber, _ tell: (BuiltBar) -> Void) {
    let index = slot(trade.symbol)
    guard !slots[index].isBrought else { return }
    guard let current = minute else { preconditionFailure("a trade before the feed's time") }
    let effect = effects.effect(of: trade)
    guard effect != [] else {
      counters.uncounted += 1
      return
    }
    let number = NewYorkTime.floorDivide(
      trade.timestamp.nanoseconds, BarsLimits.minuteNanoseconds)
    guard number <= current + BarsLimits.aheadMinutesMax else {
      counters.tooEarly += 1
      return
    }
    addToDay(trade, effect, sequence, index)
    guard number >= current - BarsLimits.lateMinutesMax else {
      counters.tooLate += 1
      return
    }
    addToMinute(trade, minuteEffect(effect, trade), sequence, number, index, tell)
  }

  /// The feed tells this symbol's bars itself, so none is made of its trades.
  public func leave(_ symbol: SymbolID) {
    let index = slot(symbol)
    guard !slots[index].isBrought else { return }
    slots[index].isBrought = true
    slots[index].minutes = InlineArray(repeating: BarSpan())
    slots[index].day = BarSpan()
    slots[index].dayBefore = BarSpan()
  }

  private func slot(_ symbol: SymbolID) -> Int {
    let index = Int(symbol.index)
    while slots.count <= index { slots.append(Slot()) }
    return index
  }

  /// Form T sets prices of a minute outside regular hours.
  private func minuteEffect(_ effect: SaleEffect, _ trade: Trade) -> SaleEffect {
    guard effect.contains(.extendedHours) else { return effect }
    let clock = NewYorkTime.clockSeconds(of: trade.timestamp)
    return BarsLimits.regularHours.contains(clock) ? effect : .all
  }

  private func addToMinute(
    _ trade: Trade, _ effect: SaleEffect, _ sequence: SequenceNumber, _ number: Int64, _ index: Int,
    _ tell: (BuiltBar) -> Void
  ) {
    guard let current = minute else { return }
    let place = Int(number & Int64(BarsLimits.minutesKept - 1))
    if slots[index].minutes[place].number != number {
      slots[index].minutes[place].begin(number)
      if number < current {
        slots[index].minutes[place].isClosed = true
      } else if !slots[index].isOpen {
        slots[index].isOpen = true
        open.append(trade.symbol)
      }
    }
    slots[index].minutes[place].apply(trade, effect, sequence)
    guard slots[index].minutes[place].isClosed, slots[index].minutes[place].hasPrice else { return }
    counters.updates += 1
    self.tell(.updated, trade.symbol, place, tell)
  }

  private func addToDay(
    _ trade: Trade, _ effect: SaleEffect, _ sequence: SequenceNumber, _ index: Int
  ) {
    let number =
      symbols.assetClass(of: trade.symbol) == .crypto
      ? NewYorkTime.floorDivide(trade.timestamp.nanoseconds, 86_400_000_000_000)
      : NewYorkTime.day(of: trade.timestamp)
    if let day = slots[index].day.number, number < day {
      if slots[index].dayBefore.number == number {
        slots[index].dayBefore.apply(trade, effect, sequence)
      }
      return
    }
    if slots[index].day.number != number {
      if slots[index].day.hasPrice { slots[index].dayBefore = slots[index].day }
      slots[index].day.begin(number)
    }
    slots[index].day.apply(trade, effect, sequence)
    guard !slots[index].isDayDirty else { return }
    slots[index].isDayDirty = true
    changedDays.append(trade.symbol)
  }
}
