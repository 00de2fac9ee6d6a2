// What a client holds: subscribe is a union, unsubscribe takes away what is named, and both are
// acknowledged with everything that is held afterwards. A refused subscribe changes nothing.
import EventLoops
import FanOut
import Logging
import MarketData
import RedisClient
import ServiceSupport
import WebTransport

extension StreamLoop {
  func subscribe(_ session: StreamSession) {
    var claimed = 0
    if let fault = subscribeFault(session, &claimed) {
      return fail(session.connection, fault.error, fault.reason)
    }
    var made: [TopicDirectory.Record] = []
    var joined = Joined(choices: message.choices, since: message.sinceBySymbol())
    var namesBytes = 0
    for entry in message.entries {
      if message.withName(entry, ClientMessage.isWildcard) {
        subscribeAll(session, entry.channel, &joined)
      } else if let name = name(of: entry, session) {
        guard let topic = topic(name, &made) else { continue }
        let isCovered =
          directory.record(topic.index)?.isGrouped == true
          && group(name.path, name.channel).map {
            distributor.holdsWildcard(session.client, of: $0)
          } ?? false
        let depth = joined.depth(on: name.channel)
        guard distributor.subscribe(session.client, to: topic, depth: depth) == .added else {
          continue
        }
        namesBytes += SubscriptionLists.bytes(of: name)
        if !isCovered, name.isCarried, name.channel.key.carriesEvents {
          join(session.client, topic, name.symbol, &joined)
        }
      }
    }
    let added = distributor.subscriptionCount(of: session.client) - session.claimed
    if let usage = session.usage, added < claimed {
      configuration.usage.giveBack(usage, subscriptions: claimed - added)
    }
    sessions.update(session.connection) {
      $0.namesBytes += namesBytes
      $0.claimed += added
    }
    if let interval = joined.choices.intervalMilliseconds {
      setInterval(session.connection, interval)
    }
    acknowledge(session)
    for record in made { carry(record) }
    tellJoined(session.connection, joined)
    // What answers it does not wait for the interval.
    distributor.expedite(session.client)
    askForFlush()
  }

  /// What a subscribe asks for beside the names, and for whom it is still to be told.
  struct Joined {
    let choices: ClientMessage.Choices
    let since: [SymbolName: SequenceNumber]
    var stale: Set<TopicID> = []
    var snapshots: [OwedSnapshot] = []

    init(choices: ClientMessage.Choices, since: [SymbolName: SequenceNumber]) {
      self.choices = choices
      self.since = since
    }

    func depth(on channel: StreamChannel) -> BookDepth? {
      channel == .orderbooks ? choices.depth : nil
    }
  }

  /// A new subscription to events.
  private func join(
    _ client: ClientHandle, _ topic: TopicID, _ symbol: SymbolName, _ joined: inout Joined
  ) {
    if let sequence = joined.since[symbol] {
      // What it is owed has the notice in its place.
      guard resume(client, topic, after: sequence) else { return }
    } else if joined.choices.wantsSnapshot, let owed = owedSnapshot(topic) {
      joined.snapshots.append(owed)
    }
    if isStaleEvent(topic.index) { joined.stale.insert(topic) }
  }

  private func tellJoined(_ id: ConnectionID, _ joined: Joined) {
    if !joined.stale.isEmpty {
      sessions.update(id) { $0.owedNotices += joined.stale.sorted { $0.index < $1.index } }
      tellOwedNotices(id)
    }
    guard !joined.snapshots.isEmpty else { return }
    sessions.update(id) {
      // Of a client that is slow and subscribes again and again, no more than it can hold.
      let room = GatewayLimits.topicsMax - $0.owedSnapshots.count
      $0.owedSnapshots += joined.snapshots.prefix(max(0, room))
    }
    tellOwedSnapshots(id)
  }

  func unsubscribe(_ session: StreamSession) {
    if let fault = channelFault(session) {
      return fail(session.connection, fault.error, fault.reason)
    }
    var left: [TopicID] = []
    var wildcardLeft = false
    var namesBytes = 0
    for entry in message.entries {
      if message.withName(entry, ClientMessage.isWildcard) {
        guard let group = group(session.path, entry.channel) else { continue }
        distributor.unsubscribeAll(session.client, of: group)
        resumes.removeUnlisted(session.client, channel: entry.channel)
        wildcardLeft = true
      } else if let name = name(of: entry, session), let topic = directory.find(name) {
        guard giveUp(session.client, topic) else { continue }
        left.append(topic)
        namesBytes += SubscriptionLists.bytes(of: name)
      }
    }
    let given = session.claimed - distributor.subscriptionCount(of: session.client)
    if let usage = session.usage, given > 0 {
      configuration.usage.giveBack(usage, subscriptions: given)
    }
    sessions.update(session.connection) {
      $0.namesBytes -= namesBytes
      $0.claimed -= given
    }
    acknowledge(session)
    for topic in left { releaseIfUnused(topic) }
    if wildcardLeft { releaseUnusedWildcards(session.path) }
  }

  private func giveUp(_ client: ClientHandle, _ topic: TopicID) -> Bool {
    // Behind a wildcard it still keeps what the client had from being sent again.
    if resumes.isWaiting(client, for: topic.index),
      distributor.hide(client, topic, isKept: true)
    {
      return true
    }
    return distributor.unsubscribe(client, from: topic)
  }

  // MARK: - What is refused

  private func channelFault(_ session: StreamSession) -> ClientMessageFault? {
    for entry in message.entries where !entry.channel.isCarried(by: session.path) {
      return ClientMessageFault(
        error: .invalidSubscribeAction, reason: "no \(entry.channel.name) on this path")
    }
    return nil
  }

  /// Nil when nothing is in the way; then so many names are `claimed` of what the key may hold.
  private func subscribeFault(
    _ session: StreamSession, _ claimed: inout Int
  ) -> ClientMessageFault? {
    if let fault = channelFault(session) { return fault }
    // A set, for a name that is written twice is held once.
    var added: Set<TopicDirectory.Name> = []
    var topicsAdded = 0
    var namesBytes = session.namesBytes
    for entry in message.entries {
      guard let name = name(of: entry, session) else { continue }
      let topic = directory.find(name)
      if let topic, distributor.isSubscribed(session.client, to: topic) { continue }
      guard added.insert(name).inserted else { continue }
      topicsAdded += topic == nil ? 1 : 0
      namesBytes += SubscriptionLists.bytes(of: name)
    }
    let heldMax = configuration.clients.subscriptionsMax
    guard distributor.subscriptionCount(of: session.client) + added.count <= heldMax else {
      return ClientMessageFault(
        error: .symbolLimitExceeded, reason: "at most \(heldMax) names per connection")
    }
    guard namesBytes <= GatewayLimits.acknowledgedNamesBytesMax else {
      return ClientMessageFault(
        error: .symbolLimitExceeded,
        reason: "the names held do not fit into one acknowledgement of 1 MiB")
    }
    guard directory.count + topicsAdded <= GatewayLimits.topicsMax else {
      return ClientMessageFault(
        error: .symbolLimitExceeded, reason: "this server's topics are used up")
    }
    let usage = configuration.usage
    if let entry = session.usage {
      guard usage.claim(entry, subscriptions: added.count) else {
        return ClientMessageFault(
          error: .symbolLimitExceeded,
          reason: "at most \(usage.bounds.subscriptionsMax) names for all connections of a key")
      }
      claimed = added.count
    }
    return nil
  }

  // MARK: - Topics

  private func name(
    of entry: ClientMessage.Entry, _ session: StreamSession
  ) -> TopicDirectory.Name? {
    message.withName(entry) { SymbolName($0) }.map {
      TopicDirectory.Name(symbol: $0, channel: entry.channel, path: session.path)
    }
  }

  private func group(_ path: AssetClass, _ channel: StreamChannel) -> GroupID? {
    groups[StreamGroup(path: path, channel: channel)]
  }

  /// The topic of a name, made when nobody had it before.
  private func topic(
    _ name: TopicDirectory.Name, _ made: inout [TopicDirectory.Record]
  ) -> TopicID? {
    if let topic = directory.find(name) { return topic }
    let channel = name.channel
    let isGrouped = name.isCarried && listed.contains(name.symbol)
    let topic = name.symbol.withBytes { symbol in
      let label = UnsafeRawBufferPointer(
        start: channel.name.utf8Start, count: channel.name.utf8CodeUnitCount)
      return distributor.addTopic(
        kind(of: channel), symbol: symbol.bytes, channel: label.bytes,
        group: isGrouped ? group(name.path, channel) : nil)
    }
    guard let topic else { return nil }
    directory.add(name, topic, isGrouped: isGrouped, nowMilliseconds: loop.nowMilliseconds)
    mayBeUnjoined = true
    guard let record = directory.record(topic.index) else { return nil }
    made.append(record)
    announceIfStale(record)
    if isGrouped, let group = group(name.path, channel) { resumeListed(record, group) {} }
    return topic
  }

  private func subscribeAll(
    _ session: StreamSession, _ channel: StreamChannel, _ joined: inout Joined
  ) {
    guard let group = group(session.path, channel) else { return }
    let isNew = !distributor.holdsWildcard(session.client, of: group)
    let carriesEvents = isNew && channel.key.carriesEvents
    wildcardsUsed.insert(StreamGroup(path: session.path, channel: channel))
    // Before the wildcard is held: what a new topic says of itself would come by it and be owed as well.
    carryAll(of: StreamGroup(path: session.path, channel: channel))
    let resumed = carriesEvents ? resumeAll(session, channel, joined.since) : (placed: [], owed: [])
    distributor.subscribeAll(session.client, of: group, depth: joined.depth(on: channel))
    hideResumed(session.client, resumed.placed)
    guard carriesEvents else { return }
    for index in directory.indexes {
      guard let record = directory.record(index), record.isGrouped,
        record.name.channel == channel, record.name.path == session.path,
        !distributor.isSubscribed(session.client, to: record.id),
        !resumed.owed.contains(record.id)
      else { continue }
      if record.state.isStale { joined.stale.insert(record.id) }
      if joined.choices.wantsSnapshot, joined.since[record.name.symbol] == nil,
        let owed = owedSnapshot(record.id)
      {
        joined.snapshots.append(owed)
      }
    }
  }

  /// Makes the topics of a group that the symbol list has and nobody asked for by name yet.
  func carryAll(of group: StreamGroup) {
    var made: [TopicDirectory.Record] = []
    for text in symbolList.symbols {
      guard let symbol = SymbolName(text), symbol.assetClass == group.path else { continue }
      guard directory.count < GatewayLimits.topicsMax else {
        log.log(.error, kind: "topics", "topics are used up: \"*\" is incomplete")
        break
      }
      _ = topic(.init(symbol: symbol, channel: group.channel, path: group.path), &made)
    }
    for record in made { carry(record) }
  }

  /// The feed's list of symbols has changed: topics that were made before their symbol was listed are
  /// among those that `"*"` means from now on.
  func symbolsListed() {
    listed = Set(symbolList.symbols.compactMap { SymbolName($0) })
    for index in directory.indexes {
      guard let record = directory.record(index), record.name.isCarried, !record.isGrouped,
        listed.contains(record.name.symbol),
        let group = group(record.name.path, record.name.channel)
      else { continue }
      resumeListed(record, group) { distributor.join(record.id, group) }
      directory.setGrouped(index)
      if isStaleEvent(index), distributor.wildcardCount(of: group) > 0 {
        tellHolders(record, group)
      }
    }
  }

  /// The clients of a wildcard do not get a notice that was there before its topic.
  private func tellHolders(_ record: TopicDirectory.Record, _ group: GroupID) {
    var holders: [ConnectionID] = []
    sessions.forEach {
      if distributor.holdsWildcard($0.client, of: group),
        !distributor.isSubscribed($0.client, to: record.id)
      {
        holders.append($0.connection)
      }
    }
    for id in holders {
      sessions.update(id) { $0.owedNotices.append(record.id) }
      tellOwedNotices(id)
    }
  }

  /// Nobody wants the topic any more: Redis is told (after a while), its memory is given back.
  func releaseIfUnused(_ topic: TopicID) {
    guard let record = directory.record(topic.index), record.id == topic,
      distributor.subscriberCount(of: topic) == 0
    else { return }
    if record.name.isCarried { subscriber.unsubscribe(token(of: topic)) }
    distributor.removeTopic(topic)
    directory.remove(topic)
  }

  /// Topics that only a wildcard held are released when its last holder is gone.
  func releaseUnusedWildcards(_ path: AssetClass) {
    let unused = groups.filter {
      $0.key.path == path && distributor.wildcardCount(of: $0.value) == 0
    }
    guard !unused.isEmpty, wildcardsUsed.contains(where: { unused[$0] != nil }) else { return }
    for index in directory.indexes {
      guard let record = directory.record(index),
        wildcardsUsed.contains(StreamGroup(path: record.name.path, channel: record.name.channel))
      else { continue }
      releaseIfUnused(record.id)
    }
    wildcardsUsed.subtract(unused.keys)
  }

  // MARK: - Answers

  /// All that is held, every channel of the path, in the order of subscription.
  private func acknowledge(_ session: StreamSession) {
    var names: [[SymbolName]] = Array(repeating: [], count: StreamChannel.allCases.count)
    distributor.forEachSubscription(of: session.client) { topic in
      guard let name = directory.record(topic.index)?.name else { return }
      names[Int(name.channel.rawValue)].append(name.symbol)
    }
    let wildcards = StreamChannel.allCases.map { channel in
      group(session.path, channel).map { distributor.holdsWildcard(session.client, of: $0) }
        ?? false
    }
    let lists = SubscriptionLists(path: session.path, names: names, wildcards: wildcards)
    say(session.connection) { lists.write($0, into: &$1) }
  }

  // MARK: - Stale events

  private func isStaleEvent(_ index: UInt32) -> Bool {
    guard let record = directory.record(index) else { return false }
    return record.state.isStale && record.name.channel.key.carriesEvents
  }

  /// An event topic sends no old message to a new subscriber, so that it is stale must be told apart:
  /// some in a frame, and the next frame when that one has left. A topic that came back to life
  /// meanwhile is passed over.
  func tellOwedNotices(_ id: ConnectionID) {
    while let session = sessions[id], !session.owedNotices.isEmpty, session.blockedAt == 0,
      session.stage != .ended
    {
      let part = session.owedNotices.prefix(GatewayLimits.noticesPerFrameMax)
      sessions.update(id) { $0.owedNotices.removeFirst(part.count) }
      let records = part.compactMap { topic in
        directory.record(topic.index).flatMap { $0.id == topic && $0.state.isStale ? $0 : nil }
      }
      guard !records.isEmpty else { continue }
      let since = lastSign
      say(id) { ControlMessage.staleNotices(records.map(\.name), since: since, $0, into: &$1) }
    }
  }
}
