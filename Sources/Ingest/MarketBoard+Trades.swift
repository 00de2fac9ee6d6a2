// Trades, and what becomes of them. Trades, cancellations and corrections of a symbol are one chain
// of events on one channel: each names the one before it, whatever that was.
//
// The key holds a trade, never a cancellation: the newest one as it now stands, under the number of
// the chain's end. So whoever joins by reading the key knows the end of the chain, and the next
// event's "P" does not look like a loss.

import MarketData

extension MarketBoard {
  func apply(_ trade: Trade, to sink: some MarketSink) {
    let index = slot(trade.symbol)
    slots[index].tradeBefore = slots[index].trade
    slots[index].trade = trade
    extendChain(index)
    becomeLive(.price, trade.symbol)
    guard !isMuted else { return }
    encode(.price, trade.symbol)
    publishEvent(to: sink)
  }

  func apply(_ cancel: TradeCancel, to sink: some MarketSink) {
    let index = slot(cancel.symbol)
    extendChain(index)
    if let id = cancel.id {
      if slots[index].trade?.id == id {
        // Where nothing is known before it the cancelled trade stays until the next one: a price
        // that was, against none at all.
        if let before = slots[index].tradeBefore { slots[index].trade = before }
        slots[index].tradeBefore = nil
      } else if slots[index].tradeBefore?.id == id {
        slots[index].tradeBefore = nil
      }
    }
    if slots[index].trade != nil { becomeLive(.price, cancel.symbol) }
    guard !isMuted else { return }
    beginKey(.price, cancel.symbol)
    WireJSON.encodeCancel(
      cancel, sequence: slots[index].tradeSequence, previous: slots[index].tradePrevious,
      symbols: symbols, codes: codes, into: &value)
    publishEvent(to: sink)
  }

  func apply(_ correction: TradeCorrection, to sink: some MarketSink) {
    let index = slot(correction.symbol)
    extendChain(index)
    if let id = correction.original.id {
      if slots[index].trade?.id == id {
        slots[index].trade?.correct(correction.corrected)
      } else if slots[index].tradeBefore?.id == id {
        slots[index].tradeBefore?.correct(correction.corrected)
      }
    }
    if slots[index].trade != nil { becomeLive(.price, correction.symbol) }
    guard !isMuted else { return }
    beginKey(.price, correction.symbol)
    WireJSON.encodeCorrection(
      correction, sequence: slots[index].tradeSequence, previous: slots[index].tradePrevious,
      symbols: symbols, codes: codes, into: &value)
    publishEvent(to: sink)
  }

  private func extendChain(_ index: Int) {
    slots[index].tradePrevious = slots[index].tradeSequence
    slots[index].tradeSequence = sequence
  }

  private func publishEvent(to sink: some MarketSink) {
    if publish(to: sink) {
      counters.publications &+= 1
    } else {
      counters.tradesDropped &+= 1
    }
  }
}

extension Trade {
  fileprivate mutating func correct(_ version: TradeCorrection.Version) {
    id = version.id ?? id
    price = version.price
    size = version.size
    conditions = version.conditions
  }
}
