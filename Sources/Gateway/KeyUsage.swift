// What each key uses of this process: connections and names held, over all of its loops. A client is
// entered when it is authenticated and left when its connection is gone, each exactly once, whatever
// happens between; its session keeps the entry and how many names it has claimed.
//
// One object for the process, any thread: a lock taken for authentications, subscribe and unsubscribe,
// never for a message of the feed.
import Credentials
import EventLoops

package final class KeyUsage: Sendable {
  /// What one key may use of this process.
  package struct Bounds: Sendable, Hashable {
    package var connectionsMax = GatewayLimits.connectionsPerKeyMax
    package var subscriptionsMax = GatewayLimits.subscriptionsPerKeyMax
    package init() {}
  }

  /// Whose connections and names are counted together.
  enum Holder: Hashable {
    case key(String)
    /// Whoever shows the token of a session: all sessions of a user together.
    case user(String)

    init(_ principal: Principal) {
      self =
        principal.sessionID == nil
        ? .key(principal.keyID ?? principal.userID) : .user(principal.userID)
    }
  }

  /// One holder's place in the table; good from `enter` to `leave`.
  struct Entry: Hashable {
    fileprivate let index: UInt32
  }

  private struct Use {
    var holder: Holder
    var connections = 0
    var subscriptions = 0
  }

  private struct Table {
    var places: [Holder: UInt32] = [:]
    var uses: [Use?] = []
    var free: [UInt32] = []
  }

  let bounds: Bounds
  private let table = Locked(Table())

  package init(_ bounds: Bounds = Bounds()) { self.bounds = bounds }

  /// One connection more; nil when the holder has as many as it may.
  func enter(_ holder: Holder) -> Entry? {
    table.withLock { table in
      if let place = table.places[holder] {
        guard table.uses[Int(place)]!.connections < bounds.connectionsMax else { return nil }
        table.uses[Int(place)]!.connections += 1
        return Entry(index: place)
      }
      guard bounds.connectionsMax > 0 else { return nil }
      let place = table.free.popLast() ?? UInt32(table.uses.count)
      if Int(place) == table.uses.count { table.uses.append(nil) }
      table.uses[Int(place)] = Use(holder: holder, connections: 1)
      table.places[holder] = place
      return Entry(index: place)
    }
  }

  /// A connection is gone, with the names that it had claimed.
  func leave(_ entry: Entry, subscriptions: Int) {
    table.withLock { table in
      guard var use = table.uses[Int(entry.index)] else {
        preconditionFailure("a connection that nobody entered")
      }
      use.connections -= 1
      use.subscriptions -= subscriptions
      precondition(use.connections >= 0 && use.subscriptions >= 0, "given back twice")
      if use.connections > 0 {
        table.uses[Int(entry.index)] = use
      } else {
        precondition(use.subscriptions == 0, "names that nobody holds")
        table.uses[Int(entry.index)] = nil
        table.places[use.holder] = nil
        table.free.append(entry.index)
      }
    }
  }

  /// So many names more, all or none; false when the holder would have more than it may.
  func claim(_ entry: Entry, subscriptions: Int) -> Bool {
    table.withLock { table in
      let held = table.uses[Int(entry.index)]!.subscriptions
      guard held + subscriptions <= bounds.subscriptionsMax else { return false }
      table.uses[Int(entry.index)]!.subscriptions = held + subscriptions
      return true
    }
  }

  func giveBack(_ entry: Entry, subscriptions: Int) {
    table.withLock { table in
      let held = table.uses[Int(entry.index)]!.subscriptions
      precondition(held >= subscriptions, "given back twice")
      table.uses[Int(entry.index)]!.subscriptions = held - subscriptions
    }
  }

  /// Holders that are connected, their connections and names.
  var totals: (holders: Int, connections: Int, subscriptions: Int) {
    table.withLock { table in
      table.uses.reduce(into: (table.places.count, 0, 0)) { sum, use in
        sum.1 += use?.connections ?? 0
        sum.2 += use?.subscriptions ?? 0
      }
    }
  }
}
