// Clients that are ahead of this gateway, or came before it knew anything of their topic: what they
// said they saw last, until the topic's next event decides what they have missed. Pure.
//
// Bounded by what clients hold and say: a client waits for a topic at most once, and leaves nothing
// behind when it goes.
package import FanOut
package import MarketData

package struct ResumeTable {
  private typealias Clients = [ClientHandle: SequenceNumber]

  /// By topic index.
  private var waiting: [UInt32: Clients] = [:]
  /// The same for a look at each event without a hash.
  private var isWaitedFor: [Bool] = []
  private var topics: [ClientHandle: Set<UInt32>] = [:]
  /// Symbols that a wildcard means when the feed lists them.
  private var unlisted: [TopicDirectory.Name: Clients] = [:]
  private var unlistedNames: [ClientHandle: Set<TopicDirectory.Name>] = [:]

  package init() {}

  /// Clients and topics that wait.
  package var count: Int { topics.values.reduce(0) { $0 + $1.count } }

  // MARK: - Topics

  @inline(__always)
  package func isAwaited(_ topic: UInt32) -> Bool {
    Int(topic) < isWaitedFor.count && isWaitedFor[Int(topic)]
  }

  package func isWaiting(_ client: ClientHandle, for topic: UInt32) -> Bool {
    topics[client]?.contains(topic) ?? false
  }

  package mutating func add(
    _ client: ClientHandle, _ topic: UInt32, after sequence: SequenceNumber
  ) {
    while isWaitedFor.count <= Int(topic) { isWaitedFor.append(false) }
    isWaitedFor[Int(topic)] = true
    waiting[topic, default: [:]][client] = sequence
    topics[client, default: []].insert(topic)
  }

  /// The topic's waiting clients, which wait no more.
  package mutating func take(_ topic: UInt32) -> [(client: ClientHandle, sequence: SequenceNumber)]
  {
    guard isAwaited(topic), let clients = waiting.removeValue(forKey: topic) else { return [] }
    isWaitedFor[Int(topic)] = false
    for client in clients.keys { forget(client, topic) }
    return clients.map { ($0.key, $0.value) }
  }

  package mutating func remove(_ client: ClientHandle, _ topic: UInt32) {
    guard isAwaited(topic), waiting[topic]?.removeValue(forKey: client) != nil else { return }
    forget(client, topic)
    guard waiting[topic]?.isEmpty == true else { return }
    waiting[topic] = nil
    isWaitedFor[Int(topic)] = false
  }

  private mutating func forget(_ client: ClientHandle, _ topic: UInt32) {
    topics[client]?.remove(topic)
    if topics[client]?.isEmpty == true { topics[client] = nil }
  }

  /// The topics that a client waits for.
  package func topics(of client: ClientHandle) -> Set<UInt32> { topics[client] ?? [] }

  /// Everything of a client that has gone.
  package mutating func remove(_ client: ClientHandle) {
    guard !topics.isEmpty || !unlistedNames.isEmpty else { return }
    for topic in topics(of: client) { remove(client, topic) }
    for name in unlistedNames[client] ?? [] { removeUnlisted(client, name) }
  }

  // MARK: - Symbols that are not listed yet

  package mutating func addUnlisted(
    _ client: ClientHandle, _ name: TopicDirectory.Name, after sequence: SequenceNumber
  ) {
    unlisted[name, default: [:]][client] = sequence
    unlistedNames[client, default: []].insert(name)
  }

  package mutating func takeUnlisted(
    _ name: TopicDirectory.Name
  ) -> [(client: ClientHandle, sequence: SequenceNumber)] {
    guard !unlisted.isEmpty, let clients = unlisted[name] else { return [] }
    for client in clients.keys { removeUnlisted(client, name) }
    return clients.map { ($0.key, $0.value) }
  }

  /// The client has given up the wildcard of a channel.
  package mutating func removeUnlisted(_ client: ClientHandle, channel: StreamChannel) {
    for name in unlistedNames[client] ?? [] where name.channel == channel {
      removeUnlisted(client, name)
    }
  }

  private mutating func removeUnlisted(_ client: ClientHandle, _ name: TopicDirectory.Name) {
    unlisted[name]?[client] = nil
    if unlisted[name]?.isEmpty == true { unlisted[name] = nil }
    unlistedNames[client]?.remove(name)
    if unlistedNames[client]?.isEmpty == true { unlistedNames[client] = nil }
  }
}
