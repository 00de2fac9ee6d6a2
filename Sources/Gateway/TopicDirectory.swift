// Topics by name, and what the gateway knows of each. Parallel to the distributor's topics: a record
// lies at its topic's index. Looked up by name only when clients subscribe; messages come with the
// index.
package import FanOut
package import MarketData

package struct TopicDirectory {
  /// What a client means: a symbol on a channel of a path. A symbol on the path of another asset
  /// class is acknowledged and never sent, so it is a topic of its own.
  package struct Name: Hashable, Sendable {
    package var symbol: SymbolName
    package var channel: StreamChannel
    package var path: AssetClass

    package init(symbol: SymbolName, channel: StreamChannel, path: AssetClass) {
      self.symbol = symbol
      self.channel = channel
      self.path = path
    }

    /// Whether messages can come for it.
    package var isCarried: Bool { symbol.assetClass == path }
  }

  package struct Record {
    package let id: TopicID
    package let name: Name
    package var state: TopicState
    /// Its path's wildcard means it: the feed lists its symbol.
    package var isGrouped: Bool
  }

  private var byName: [Name: UInt32] = [:]
  private var records: [Record?] = []

  package init() {}

  package var count: Int { byName.count }

  package func find(_ name: Name) -> TopicID? {
    byName[name].flatMap { records[Int($0)]?.id }
  }

  package mutating func add(
    _ name: Name, _ id: TopicID, isGrouped: Bool = true, nowMilliseconds: UInt64 = 0
  ) {
    let index = Int(id.index)
    while records.count <= index { records.append(nil) }
    precondition(records[index] == nil && byName[name] == nil, "a topic twice")
    records[index] = Record(
      id: id, name: name,
      state: TopicState(
        carriesEvents: name.channel.key.carriesEvents, nowMilliseconds: nowMilliseconds),
      isGrouped: isGrouped)
    byName[name] = id.index
  }

  package mutating func setGrouped(_ index: UInt32) { records[Int(index)]?.isGrouped = true }

  package mutating func remove(_ id: TopicID) {
    guard let record = record(id.index), record.id == id else { return }
    byName[record.name] = nil
    records[Int(id.index)] = nil
  }

  package func record(_ index: UInt32) -> Record? {
    Int(index) < records.count ? records[Int(index)] : nil
  }

  /// Changes a topic's state; nil when there is no such topic (any more).
  package mutating func update<R>(_ index: UInt32, _ body: (inout TopicState) -> R) -> R? {
    guard Int(index) < records.count, records[Int(index)] != nil else { return nil }
    return body(&records[Int(index)]!.state)
  }

  /// Every index that may hold a record; `record` says which do. Unlike a loop inside this type, a
  /// loop over it may change the records.
  package var indexes: Range<UInt32> { 0..<UInt32(records.count) }
}
