// All memory of one distributor. The extensions hold its behaviour, a capability each:
//   +Topics        make and remove topics and groups
//   +Offer         a new newest message; rings; a full arena
//   +Records       subscription records in their extents
//   +Subscribe     one topic; acknowledged subscriptions
//   +Resume        subscriptions that begin at an entry of the ring, or behind a loss
//   +Wildcard      `"*"`, and what it does to the explicit records beside it
//   +Dirty         from a touched topic to a client's dirty queue
//   +Frame         a client's queue to one frame: states and events
//   +WildcardFrame the same for groups
// Nothing here calls out except `VariantDeriver`, during `fillFrame`. Loop thread only.

struct FanOutState: ~Copyable {
  let limits: FanOutLimits
  var arena: Arena
  var frame: FrameBuffer

  var topics = FlatArray<Topic>()
  var details = FlatArray<TopicDetail>()
  var freeTopics = FlatArray<UInt32>()
  var topicsInUse = 0

  var groups = FlatArray<Group>()
  var logs = ExtentSlab<LogEntry>(
    blank: LogEntry(
      topic: LogEntry.removedTopic, isUnknown: false, sequence: 0, topicWeight: 0, groupWeight: 0))

  var clients = FlatArray<Client>()
  var freeClients = FlatArray<UInt32>()
  var clientsInUse = 0

  var records = ExtentSlab<Subscription>(blank: .free)
  var recordsInUse = 0
  var index = SubscriptionIndex()
  var lists = SubscriberLists()

  /// Topics, and groups with bit 31, with messages whose subscribers are still to be marked.
  var touched = FlatArray<UInt32>()
  /// Handles of clients to serve at the next flush; a client is in it at most once.
  var queue = FlatArray<UInt64>()

  var counters = FanOutCounters()

  init(_ limits: FanOutLimits) {
    precondition(
      limits.topicsMax <= Int(LogEntry.removedTopic) && limits.clientsMax <= 1 << 22
        && limits.groupsMax <= 1 << 15 && limits.subscriptionsPerClientMax <= 1 << 24,
      "the records have no room for more")
    precondition(
      limits.frameBytesMax > 0 && limits.frameBytesHardMax >= limits.frameBytesMax,
      "a frame's hard cap is at least its bound")
    precondition(1...(1 << 20) ~= limits.groupLogEntriesMax, "a log is 1...2^20 entries")
    self.limits = limits
    arena = Arena(bytesMax: limits.arenaBytesMax)
    frame = FrameBuffer(frameBytesHardMax: limits.frameBytesHardMax)
  }

  var memory: FanOutMemory {
    FanOutMemory(
      arenaBytesUsed: arena.bytesUsed, arenaBytesReserved: arena.bytesReserved,
      topics: topicsInUse, clients: clientsInUse, subscriptions: recordsInUse,
      subscriberEntries: lists.entries,
      tableBytesReserved: topics.bytesReserved + details.bytesReserved + clients.bytesReserved
        + records.bytesReserved + index.bytesReserved + lists.bytesReserved + logs.bytesReserved
        + touched.bytesReserved + queue.bytesReserved)
  }
}
