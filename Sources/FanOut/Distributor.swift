// The heart of a gateway's loop: topics with the newest messages, clients with a position in each
// topic they hold, and at the end of the loop's turn one frame for each client with everything it is
// owed. A slow client holds no memory: its positions fall behind, states are skipped, events that
// left their ring are announced as gaps with the exact number.
//
// One instance for each loop; every call on that loop's thread (the class is not Sendable). It reads
// no clock and does no I/O: the transport is called from `flush` and `flushClient` only. Ordering and
// de-duplicating what is offered is the caller's.

/// Distributes the messages of topics to clients.
public final class Distributor {
  var state: FanOutState
  private var isFlushing = false

  public init(limits: FanOutLimits = FanOutLimits()) {
    state = FanOutState(limits)
  }

  // MARK: Topics

  /// Makes a wildcard group for one channel; its topics are of the same kind (an event group's
  /// ring bound is each topic's own). Traps when there are more than `groupsMax`, or when the
  /// channel is not 1...32 bytes of printable ASCII without quote and backslash.
  public func addGroup(_ kind: TopicKind, channel: String) -> GroupID {
    var (channel, star) = (channel, "*")
    let label = channel.withUTF8 { channel in
      star.withUTF8 { star in
        TopicLabel(
          symbol: UnsafeRawBufferPointer(star).bytes, channel: UnsafeRawBufferPointer(channel).bytes
        )
      }
    }
    guard let label else { preconditionFailure("not a channel's name") }
    return state.addGroup(kind, label: label)
  }

  /// Makes a topic, or gives nil: `topicsMax` is reached, or a name is not 1...32 bytes of printable
  /// ASCII without quote and backslash. The names appear in the topic's gap messages (`S`, `c`).
  public func addTopic(
    _ kind: TopicKind, symbol: RawSpan, channel: RawSpan, group: GroupID? = nil
  ) -> TopicID? {
    guard let label = TopicLabel(symbol: symbol, channel: channel) else { return nil }
    return state.addTopic(kind, label: label, group: group)
  }

  /// As above, for names at hand as strings.
  public func addTopic(
    _ kind: TopicKind, symbol: String, channel: String, group: GroupID? = nil
  ) -> TopicID? {
    var (symbol, channel) = (symbol, channel)
    return symbol.withUTF8 { symbol in
      channel.withUTF8 { channel in
        addTopic(
          kind, symbol: UnsafeRawBufferPointer(symbol).bytes,
          channel: UnsafeRawBufferPointer(channel).bytes, group: group)
      }
    }
  }

  /// Removes a topic, its messages and whatever subscriptions it still has; false if it was removed
  /// before. A wildcard client that has not seen its last events is told how many it missed.
  @discardableResult
  public func removeTopic(_ topic: TopicID) -> Bool { state.removeTopic(topic) }

  public func contains(_ topic: TopicID) -> Bool { state.live(topic) != nil }

  /// Calls `body` for each topic in the order of `index`.
  public func forEachTopic(_ body: (TopicID) -> Void) {
    for number in 0..<UInt32(state.topics.count) where state.topics[number].isInUse {
      body(state.id(ofTopic: number))
    }
  }

  /// Clients that hold the topic, and those that hold its group's wildcard (a client that holds both
  /// counts once). 0 for a removed topic.
  public func subscriberCount(of topic: TopicID) -> Int {
    guard let number = state.live(topic) else { return 0 }
    let group = state.topics[number].group
    let holders = group == noIndex ? 0 : state.groups[group].subscribers.count
    return Int(state.topics[number].subscribers.count) + Int(holders)
  }

  /// Clients that hold the group's wildcard.
  public func wildcardCount(of group: GroupID) -> Int {
    Int(state.groups[group.index].subscribers.count)
  }

  /// Whether a state topic has a value, or an event topic anything in its ring.
  public func hasMessages(_ topic: TopicID) -> Bool {
    guard let number = state.live(topic) else { return false }
    return state.topics[number].count > 0
  }

  // MARK: Messages

  /// The topic's new newest message: a JSON object, 1...65,536 bytes, copied. An urgent one expedites
  /// every client that gets it.
  @discardableResult
  public func offer(
    _ topic: TopicID, _ message: RawSpan, isUrgent: Bool = false
  ) -> OfferResult {
    let result = state.offer(topic, message, .message)
    if isUrgent { state.hurry(topic) }
    return result
  }

  /// A message that is no event, such as a stale marker: on a state topic it is the newest value, on
  /// an event topic it takes its place in the order and is not counted as missed when it is. Urgent.
  @discardableResult
  public func offerNotice(_ topic: TopicID, _ message: RawSpan) -> OfferResult {
    let result = state.offer(topic, message, .notice)
    state.hurry(topic)
    return result
  }

  /// A hole of `missed` events (nil: nobody knows) at this place of an event topic. Neighbouring
  /// holes, and those a slow client passes over, are told as one. Traps on a state topic.
  @discardableResult
  public func offerGap(_ topic: TopicID, missed: UInt64?) -> OfferResult {
    state.offerGap(topic, missed: missed)
  }

  /// Takes back what a state topic holds: whoever has not got it does not get it. Traps on an event
  /// topic.
  public func withdrawState(_ topic: TopicID) { state.withdrawState(topic) }

  // MARK: Clients

  /// A new client without subscriptions, or nil: `clientsMax` is reached.
  public func addClient(encoding: ClientEncoding) -> ClientHandle? { state.addClient(encoding) }

  /// Forgets a client and gives back all its memory; false if it is already forgotten.
  @discardableResult
  public func removeClient(_ client: ClientHandle) -> Bool { state.removeClient(client) }

  public func contains(_ client: ClientHandle) -> Bool { state.live(client) != nil }

  /// The transport has sent all it had buffered for the client: the next flush serves it again.
  @discardableResult
  public func clientWritable(_ client: ClientHandle) -> Bool { state.setBlocked(client, false) }

  /// The transport will not take a frame (before the handshake is done, say), or part of one that
  /// did not come from here is still buffered: no frame until `clientWritable`.
  @discardableResult
  public func clientBlocked(_ client: ClientHandle) -> Bool { state.setBlocked(client, true) }

  public func isBlocked(_ client: ClientHandle) -> Bool {
    guard let number = state.live(client) else { return false }
    return state.clients[number].isBlocked
  }

  /// A held client is served when it is expedited, or by `flushClient`: for clients that want a frame
  /// an interval. Its frames may be of `frameBytesHardMax` at once.
  @discardableResult
  public func setHeld(_ client: ClientHandle, _ held: Bool) -> Bool {
    state.setHeld(client, held)
  }

  /// The next flush serves the client although it is held, in as many frames as what is owed now
  /// takes. Does nothing when it is owed nothing.
  @discardableResult
  public func expedite(_ client: ClientHandle) -> Bool { state.expedite(client) }

  /// Whether the client may be owed something.
  public func hasPending(_ client: ClientHandle) -> Bool {
    state.markTouched()
    guard let number = state.live(client) else { return false }
    return state.clients[number].hasPending
  }

  // MARK: Subscriptions

  /// Adds a topic to what the client holds. With the wildcard of the topic's group held, nothing is
  /// sent that the wildcard sends already. Asking again with another depth changes it, and the
  /// newest book is sent once more. Without a depth it stays as it was; a new subscription has the
  /// wildcard's, or else the whole book.
  @discardableResult
  public func subscribe(
    _ client: ClientHandle, to topic: TopicID, depth: BookDepth? = nil
  ) -> SubscribeResult {
    state.subscribe(client, topic, depth)
  }

  /// Takes a topic away; false if it was not held. What was not yet sent of it will not be, unless
  /// the group's wildcard is held.
  @discardableResult
  public func unsubscribe(_ client: ClientHandle, from topic: TopicID) -> Bool {
    state.unsubscribe(client, topic)
  }

  /// Adds the wildcard of a group: state groups send the newest value of every topic, event groups
  /// what comes from now on; topics made later are included.
  @discardableResult
  public func subscribeAll(
    _ client: ClientHandle, of group: GroupID, depth: BookDepth? = nil
  ) -> SubscribeResult {
    state.subscribeAll(client, group, depth)
  }

  /// Takes the wildcard away, not the explicit topics; false if it was not held.
  @discardableResult
  public func unsubscribeAll(_ client: ClientHandle, of group: GroupID) -> Bool {
    state.unsubscribeAll(client, group)
  }

  /// Whether the client holds the topic by its name.
  public func isSubscribed(_ client: ClientHandle, to topic: TopicID) -> Bool {
    state.isSubscribed(client, topic)
  }

  public func holdsWildcard(_ client: ClientHandle, of group: GroupID) -> Bool {
    state.holdsWildcard(client, group)
  }

  /// Topics the client holds by name; wildcards are not counted.
  public func subscriptionCount(of client: ClientHandle) -> Int { state.subscriptionCount(client) }

  /// The topics the client holds by name, for an acknowledgement. A topic keeps its place in the
  /// order while it is held; a new one comes last or takes the place of one given up. `body` may call
  /// the distributor, also to unsubscribe what it was given.
  public func forEachSubscription(of client: ClientHandle, _ body: (TopicID) -> Void) {
    var place: UInt32 = 0
    while let topic = state.nextSubscription(client, &place) { body(topic) }
  }

  // MARK: The end of the turn

  /// Whether a flush may have something to send.
  public var hasPending: Bool { state.touched.count > 0 || state.queue.count > 0 }

  /// Sends each client that is neither blocked nor held what it is owed: one frame of at most
  /// `frameBytesMax`, and while it drains, further ones, each bound twice the last, up to
  /// `frameBytesHardMax`. Messages of a topic keep their order; topics come in the order in which
  /// they changed.
  public func flush<Transport: FrameTransport, Deriver: VariantDeriver>(
    to transport: Transport, deriving deriver: Deriver
  ) {
    beginFlush()
    defer { isFlushing = false }
    var next = 0
    while let client = state.nextInQueue(&next) { serve(client, transport, deriver) }
    state.queue.removeAll()
  }

  /// Sends one client what it is owed, now, held or not; not if it is blocked, and what it then
  /// still is owed goes out when it is writable.
  public func flushClient<Transport: FrameTransport, Deriver: VariantDeriver>(
    _ client: ClientHandle, to transport: Transport, deriving deriver: Deriver
  ) {
    beginFlush()
    defer { isFlushing = false }
    state.expedite(client)
    serve(client, transport, deriver)
  }

  private func beginFlush() {
    precondition(!isFlushing, "a transport must not flush")
    isFlushing = true
    state.markTouched()
  }

  private func serve<Transport: FrameTransport, Deriver: VariantDeriver>(
    _ client: ClientHandle, _ transport: Transport, _ deriver: Deriver
  ) {
    var bytesMax = 0
    // The handle is looked up for each frame: the transport may have removed the client.
    while let frame = state.nextFrame(client, bytesMax: &bytesMax, deriver) {
      switch transport.send(client, frame.payload, encoding: frame.encoding) {
      case .drained: break
      case .taken: bytesMax = 0
      case .buffered: _ = state.setBlocked(client, true)
      case .closed: _ = state.removeClient(client)
      }
    }
    state.served(client)
  }

  // MARK: Account

  /// nil for a client that is forgotten.
  public func counters(of client: ClientHandle) -> ClientCounters? {
    guard let number = state.live(client) else { return nil }
    let record = state.clients[number]
    return ClientCounters(
      frames: UInt64(record.frames), messages: record.messages, bytes: record.bytes,
      conflated: UInt64(record.conflated))
  }

  public var counters: FanOutCounters { state.counters }
  public var memory: FanOutMemory { state.memory }
}
