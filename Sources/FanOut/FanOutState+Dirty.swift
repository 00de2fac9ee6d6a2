// From a touched topic to its subscribers' queues, and from there to the loop's queue of clients.

extension FanOutState {
  /// Marks the subscribers of everything that was touched, in the order in which it was.
  mutating func markTouched() {
    guard touched.count > 0 else { return }
    for at in 0..<touched.count {
      let target = touched[at]
      let list: SubscriberList
      let isUrgent: Bool
      if target & 0x8000_0000 != 0 {
        let group = target & 0x7fff_ffff
        groups[group].isTouched = false
        isUrgent = groups[group].isUrgent
        groups[group].isUrgent = false
        list = groups[group].subscribers
      } else {
        // A topic removed since, or removed and made again, has its flag down.
        guard topics[target].isTouched else { continue }
        topics[target].isTouched = false
        isUrgent = topics[target].isUrgent
        topics[target].isUrgent = false
        list = topics[target].subscribers
      }
      for place in 0..<list.count { markDirty(lists.record(list, place)) }
      guard isUrgent else { continue }
      for place in 0..<list.count { hurryClient(records[lists.record(list, place)].client) }
    }
    touched.removeAll()
  }

  @inline(__always)
  mutating func markDirty(_ number: UInt32) {
    let record = records[number]
    if record.isDirty { return }
    let client = record.client
    records[number].isDirty = true
    records[number].next = clients[client].incoming
    clients[client].incoming = number - clients[client].extent
    enqueue(client)
  }

  /// Puts a client into the loop's queue unless it is there or not to be served.
  @inline(__always)
  mutating func enqueue(_ client: UInt32) {
    let state = clients[client]
    if state.isQueued || !state.isServable { return }
    clients[client].isQueued = true
    queue.append(ClientHandle(index: client, generation: state.generation).rawValue)
  }

  /// The next client of the loop's queue that is to be served, from entry `next` on; nil at the end.
  mutating func nextInQueue(_ next: inout Int) -> ClientHandle? {
    while next < queue.count {
      let handle = ClientHandle(rawValue: queue[next])
      next += 1
      guard let client = live(handle) else { continue }
      clients[client].isQueued = false
      if clients[client].isServable { return handle }
    }
    return nil
  }

  mutating func setBlocked(_ handle: ClientHandle, _ blocked: Bool) -> Bool {
    guard let client = live(handle) else { return false }
    clients[client].isBlocked = blocked
    if clients[client].hasPending {
      enqueue(client)
    } else {
      // What it was hurried for was given up meanwhile.
      clients[client].isHurried = false
    }
    return true
  }

  mutating func setHeld(_ handle: ClientHandle, _ held: Bool) -> Bool {
    guard let client = live(handle) else { return false }
    clients[client].isHeld = held
    if !held { clients[client].isHurried = false }
    if clients[client].hasPending { enqueue(client) }
    return true
  }

  // MARK: Held clients that are served

  /// Everybody who gets what the topic was just offered is served at the next flush, held or not.
  mutating func hurry(_ id: TopicID) {
    guard let topic = live(id) else { return }
    if topics[topic].isTouched { topics[topic].isUrgent = true }
    let group = topics[topic].group
    if group != noIndex && groups[group].isTouched { groups[group].isUrgent = true }
  }

  private mutating func hurryClient(_ client: UInt32) {
    guard clients[client].isHeld else { return }
    clients[client].isHurried = true
    enqueue(client)
  }

  @discardableResult
  mutating func expedite(_ handle: ClientHandle) -> Bool {
    markTouched()
    guard let client = live(handle), clients[client].hasPending else { return false }
    hurryClient(client)
    return true
  }

  /// A flush has given the client what it could; a hurried one that is owed more goes on when it is
  /// writable.
  mutating func served(_ handle: ClientHandle) {
    guard let client = live(handle), clients[client].isHurried else { return }
    if !clients[client].hasPending { clients[client].isHurried = false }
  }
}
