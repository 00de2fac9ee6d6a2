/// What became of an offered message.
public enum OfferResult: Sendable, Equatable {
  case accepted
  /// The topic was removed.
  case noSuchTopic
  /// Over `FanOutLimits.messageBytesMax`, or empty. A state topic keeps what it had; on an event
  /// topic the loss is announced as a gap of 1.
  case badSize
  /// The arena is at its bound and the topic had nothing of its own to overwrite. As `badSize`.
  case noMemory
}

/// What became of a subscription.
public enum SubscribeResult: Sendable, Equatable {
  /// New: a state topic's newest value follows if there is one, events follow from now on.
  case added
  /// Already acknowledged: nothing is repeated.
  case alreadyHeld
  /// The handle outlived its client.
  case noSuchClient
  /// The topic was removed.
  case noSuchTopic
  /// `subscriptionsMax` or `subscriptionsPerClientMax` is reached: nothing changed.
  case full
}

/// One client's account since it was added.
public struct ClientCounters: Sendable, Equatable {
  public var frames: UInt64
  public var messages: UInt64
  public var bytes: UInt64
  /// States that were overtaken by a newer one before they could be sent, and events announced as
  /// missed.
  public var conflated: UInt64
}

/// The loop's account since the start.
public struct FanOutCounters: Sendable, Equatable {
  public var offered: UInt64 = 0
  public var frames: UInt64 = 0
  public var messages: UInt64 = 0
  public var bytes: UInt64 = 0
  public var conflated: UInt64 = 0
  /// Gap messages written.
  public var gaps: UInt64 = 0
  public var derivations: UInt64 = 0
  public var derivationFailures: UInt64 = 0
  /// Messages refused for their size.
  public var refusedForSize: UInt64 = 0
  /// Messages refused because the arena was full.
  public var refusedForMemory: UInt64 = 0
  /// Messages dropped from a ring before its bound because the arena was full.
  public var evictedForMemory: UInt64 = 0
}

/// Memory in use and reserved, in bytes and records.
public struct FanOutMemory: Sendable, Equatable {
  /// Arena slots in use (messages, variants, rings, labels) and chunks taken from the system.
  public var arenaBytesUsed: Int
  public var arenaBytesReserved: Int
  public var topics: Int
  public var clients: Int
  /// Subscription records in use, wildcards included.
  public var subscriptions: Int
  /// Entries of the topics' and groups' subscriber lists in use.
  public var subscriberEntries: Int
  /// Bytes of the flat tables (topics, clients, records, lists, hash, logs) taken from the system.
  public var tableBytesReserved: Int
}
