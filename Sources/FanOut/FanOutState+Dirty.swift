// From a touched topic to its subscribers' queues, and from there to the loop's queue of clients.

extension FanOutState {
  /// Marks the subscribers of everything that was touched, in the order in which it was.
  mutating func markTouched() {
    guard touched.count > 0 else { return }
    for at in 0..<touched.count {
      let target = touched[at]
      let list: SubscriberList
      if target & 0x8000_0000 != 0 {
        let group = target & 0x7fff_ffff
        groups[group].isTouched = false
        list = groups[group].subscribers
      } else {
        // A topic removed since, or removed and made again, has its flag down.
        guard topics[target].isTouched else { continue }
        topics[target].isTouched = false
        list = topics[target].subscribers
      }
      for place in 0..<list.count { markDirty(lists.record(list, place)) }
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

  /// Puts a client into the loop's queue unless it is there, blocked or held.
  @inline(__always)
  mutating func enqueue(_ client: UInt32) {
    let state = clients[client]
    if state.isQueued || state.isBlocked || state.isHeld { return }
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
      if !clients[client].isBlocked && !clients[client].isHeld { return handle }
    }
    return nil
  }

  mutating func setBlocked(_ handle: ClientHandle, _ blocked: Bool) -> Bool {
    guard let client = live(handle) else { return false }
    clients[client].isBlocked = blocked
    if clients[client].hasPending { enqueue(client) }
    return true
  }

  mutating func setHeld(_ handle: ClientHandle, _ held: Bool) -> Bool {
    guard let client = live(handle) else { return false }
    clients[client].isHeld = held
    if clients[client].hasPending { enqueue(client) }
    return true
  }
}
