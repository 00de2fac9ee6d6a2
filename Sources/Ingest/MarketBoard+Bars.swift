package import MarketData

extension MarketBoard {
  struct BarSlot {
    var bar: Bar?
    var sequence = SequenceNumber.zero
    /// The bar of this kind before it; zero when that was the first of this run. Of events only.
    var previous = SequenceNumber.zero
  }

  /// Takes a bar with its own place in the order. A closed or updated one leaves at once, a day's is
  /// written at the flush.
  package func apply(
    _ bar: Bar, _ kind: BarKind, sequence: SequenceNumber, to sink: some MarketSink
  ) {
    let index = slot(bar.symbol)
    let place = Int(kind.rawValue)
    slots[index].bars[place].previous = slots[index].bars[place].sequence
    slots[index].bars[place].sequence = sequence
    slots[index].bars[place].bar = bar
    becomeLive(kind.key, bar.symbol)
    guard kind.key.carriesEvents, !isMuted else { return }
    encode(kind.key, bar.symbol)
    if publish(to: sink) {
      counters.publications &+= 1
    } else {
      counters.barsDropped &+= 1
    }
  }

  func encode(_ kind: BarKind, _ index: Int) {
    let slot = slots[index].bars[Int(kind.rawValue)]
    WireJSON.encodeBar(
      slot.bar!, kind: kind, sequence: slot.sequence,
      previous: kind.key.carriesEvents ? slot.previous : nil, symbols: symbols, into: &value)
  }
}
