extension Distributor {
  // MARK: - Subscriptions that begin elsewhere than at the newest event

  /// Calls `body` for each entry in the ring of an event topic, oldest first, with its number and
  /// bytes (nil: a gap), until it answers false. `body` must not call the distributor.
  public func forEachEntry(of topic: TopicID, _ body: (UInt64, RawSpan?) -> Bool) {
    state.forEachEntry(topic, body)
  }

  /// The same from the newest on.
  public func forEachEntryBackwards(of topic: TopicID, _ body: (UInt64, RawSpan?) -> Bool) {
    state.forEachEntryBackwards(topic, body)
  }

  /// Moves what the client is sent next of an event topic to the entry of this number, which the ring
  /// holds, or past the newest; `afterLoss` announces a gap of unknown size before it. Right after
  /// `subscribe`, while the client does not hold the group's wildcard. False: nothing has changed.
  @discardableResult
  public func rewind(
    _ client: ClientHandle, _ topic: TopicID, to entry: UInt64, afterLoss: Bool = false
  ) -> Bool {
    state.rewind(client, topic, to: entry, afterLoss: afterLoss)
  }

  /// The client has everything that was offered of an event topic so far: it is not sent, and is not
  /// missed. False: it does not hold the topic.
  @discardableResult
  public func skip(_ client: ClientHandle, _ topic: TopicID) -> Bool {
    state.skip(client, topic)
  }

  /// The client is told of a gap of unknown size before what comes next of an event topic.
  @discardableResult
  public func tellLoss(_ client: ClientHandle, _ topic: TopicID) -> Bool {
    state.tellLoss(client, topic)
  }

  /// Takes a topic out of what is listed as held; the group's wildcard, which the client must hold,
  /// delivers it from where the subscription stood. With `isKept`, `skip` and `tellLoss` still reach
  /// it until `release`.
  @discardableResult
  public func hide(_ client: ClientHandle, _ topic: TopicID, isKept: Bool) -> Bool {
    state.hide(client, topic, isKept: isKept)
  }

  public func release(_ client: ClientHandle, _ topic: TopicID) { state.release(client, topic) }

  // MARK: - Topics that join a group later

  /// Puts a topic that was made without a group into one of its kind: from now on the group's
  /// wildcard means it too; a state's value goes to the wildcard's clients. False: it has a group.
  @discardableResult
  public func join(_ topic: TopicID, _ group: GroupID) -> Bool { state.join(topic, group) }
}
