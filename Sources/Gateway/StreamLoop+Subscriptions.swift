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
    var stale: Set<TopicID> = []
    var namesBytes = 0
    for entry in message.entries {
      if message.withName(entry, ClientMessage.isWildcard) {
        subscribeAll(session, entry.channel, &stale)
      } else if let name = name(of: entry, session) {
        guard let topic = topic(name, &made) else { continue }
        let isCovered =
          group(name.path, name.channel).map {
            name.isCarried && distributor.holdsWildcard(session.client, of: $0)
          } ?? false
        guard distributor.subscribe(session.client, to: topic) == .added else { continue }
        namesBytes += SubscriptionLists.bytes(of: name)
        if !isCovered, isStaleEvent(topic.index) { stale.insert(topic) }
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
    acknowledge(session)
    for record in made { carry(record) }
    if !stale.isEmpty {
      sessions.update(session.connection) { $0.owedNotices += stale.sorted { $0.index < $1.index } }
      tellOwedNotices(session.connection)
    }
    askForFlush()
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
        wildcardLeft = true
      } else if let name = name(of: entry, session), let topic = directory.find(name) {
        guard distributor.unsubscribe(session.client, from: topic) else { continue }
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
    let topic = name.symbol.withBytes { symbol in
      let label = UnsafeRawBufferPointer(
        start: channel.name.utf8Start, count: channel.name.utf8CodeUnitCount)
      return distributor.addTopic(
        kind(of: channel), symbol: symbol.bytes, channel: label.bytes,
        group: name.isCarried ? group(name.path, channel) : nil)
    }
    guard let topic else { return nil }
    directory.add(name, topic, nowMilliseconds: loop.nowMilliseconds)
    mayBeUnjoined = true
    guard let record = directory.record(topic.index) else { return nil }
    made.append(record)
    announceIfStale(record)
    return topic
  }

  private func subscribeAll(
    _ session: StreamSession, _ channel: StreamChannel, _ stale: inout Set<TopicID>
  ) {
    guard let group = group(session.path, channel) else { return }
    let isNew = !distributor.holdsWildcard(session.client, of: group)
    distributor.subscribeAll(session.client, of: group)
    if isNew, channel.key.carriesEvents {
      for index in directory.indexes where isStaleEvent(index) {
        guard let record = directory.record(index), record.name.isCarried,
          record.name.channel == channel, record.name.path == session.path,
          !distributor.isSubscribed(session.client, to: record.id)
        else { continue }
        stale.insert(record.id)
      }
    }
    wildcardsUsed.insert(StreamGroup(path: session.path, channel: channel))
    carryAll(of: StreamGroup(path: session.path, channel: channel))
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

/// What a `subscription` message lists.
struct SubscriptionLists {
  let path: AssetClass
  /// By channel.
  let names: [[SymbolName]]
  let wildcards: [Bool]

  private var channels: [(name: StaticString, list: StreamChannel)] {
    SubscriptionLists.channels(of: path)
  }

  /// The names of a path's lists, and whose names are in them.
  static func channels(of path: AssetClass) -> [(name: StaticString, list: StreamChannel)] {
    let carried = StreamChannel.allCases.filter { $0.isCarried(by: path) }
      .map { (name: $0.name, list: $0) }
    // Corrections and cancelled trades follow the trades, on stocks.
    guard path == .stock else { return carried }
    return carried + [("corrections", .trades), ("cancelErrors", .trades)]
  }

  /// Bytes that a name takes in an acknowledgement at the most, in either encoding: quotes and a
  /// comma around it, wherever it is listed.
  static func bytes(of name: TopicDirectory.Name) -> Int {
    let lists = name.path == .stock && name.channel == .trades ? 3 : 1
    return lists * (name.symbol.withBytes { $0.count } + 3)
  }

  func write(_ encoding: ClientEncoding, into out: inout ByteWriter) {
    switch encoding {
    case .json: writeJSON(into: &out)
    case .messagePack: writeMessagePack(into: &out)
    }
  }

  private func writeJSON(into out: inout ByteWriter) {
    out.append("[{\"T\":\"subscription\"")
    for (name, channel) in channels {
      out.append(",\"")
      out.append(name)
      out.append("\":[")
      let index = Int(channel.rawValue)
      if wildcards[index] { out.append("\"*\"") }
      for (place, symbol) in names[index].enumerated() {
        // A symbol needs no escape: [A-Z0-9._/-].
        out.append(place > 0 || wildcards[index] ? ",\"" : "\"")
        symbol.withBytes { out.append($0) }
        out.append("\"")
      }
      out.append("]")
    }
    out.append("}]")
  }

  private func writeMessagePack(into out: inout ByteWriter) {
    out.packArray(count: 1)
    out.packMap(count: channels.count + 1)
    out.packString("T")
    out.packString("subscription")
    for (name, channel) in channels {
      let index = Int(channel.rawValue)
      out.packString(name)
      out.packArray(count: names[index].count + (wildcards[index] ? 1 : 0))
      if wildcards[index] { out.packString("*") }
      for symbol in names[index] { symbol.withBytes { out.packString(utf8: $0.bytes) } }
    }
  }
}
