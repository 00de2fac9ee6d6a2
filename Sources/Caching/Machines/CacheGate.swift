/// Whether what the cache holds may be believed. Pure.
///
/// A write that happened while the database's notifications were lost, or while Redis could not be
/// told, may have left an old value behind. So each such loss begins a new epoch, and the gate opens
/// again only after the log of writes was worked through within that epoch. It begins closed: nobody
/// may have listened before this process did.
struct CacheGate {
  enum Feed: Hashable, Sendable {
    /// This process has none; another deletes what is written.
    case none
    case lost
    case listening
  }

  private(set) var feed: Feed = .none
  private(set) var isLinkUp = false
  private(set) var isBreakerClosed = true
  private(set) var epoch: UInt64 = 1
  private var synchronizedEpoch: UInt64 = 0

  var isOpen: Bool { isReachable && feed != .lost && synchronizedEpoch == epoch }

  /// Redis can be asked, whether or not it may be believed.
  var isReachable: Bool { isLinkUp && isBreakerClosed }

  /// The log can be worked through now and has to be.
  var wantsSynchronizing: Bool { isReachable && feed != .lost && synchronizedEpoch != epoch }

  mutating func feedAttached() {
    feed = .lost
    epoch += 1
  }

  mutating func feedLost() {
    guard feed == .listening else { return }
    feed = .lost
    epoch += 1
  }

  mutating func feedListening() {
    feed = .listening
    epoch += 1
  }

  mutating func linkReady() { isLinkUp = true }

  mutating func linkLost() {
    isLinkUp = false
    epoch += 1
  }

  mutating func breakerOpened() {
    isBreakerClosed = false
    epoch += 1
  }

  mutating func breakerClosed() { isBreakerClosed = true }

  /// A write could not be told to Redis.
  mutating func invalidationFailed() { epoch += 1 }

  /// Everything logged before `epoch` began is deleted.
  mutating func synchronized(_ epoch: UInt64) { synchronizedEpoch = epoch }
}
