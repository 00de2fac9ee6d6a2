// Records in their clients' extents. A record's number is its index in the slab; it changes only when
// its client's extent grows, and then the hash and the subscriber lists are told. Its place relative
// to the extent never changes while it lives, which keeps the listing's order and the queue's links.

extension FanOutState {
  @inline(__always)
  func live(_ handle: ClientHandle) -> UInt32? {
    guard Int(handle.index) < clients.count,
      clients[handle.index].generation == handle.generation, clients[handle.index].isInUse
    else { return nil }
    return handle.index
  }

  func handle(ofClient client: UInt32) -> ClientHandle {
    ClientHandle(index: client, generation: clients[client].generation)
  }

  mutating func addClient(_ encoding: ClientEncoding) -> ClientHandle? {
    var client = Client(encoding: encoding)
    client.isInUse = true
    let number: UInt32
    if let old = freeClients.popLast() {
      number = old
      client.generation = clients[old].generation
      clients[number] = client
    } else {
      guard clients.count < limits.clientsMax else { return nil }
      number = UInt32(clients.count)
      clients.append(client)
    }
    clientsInUse += 1
    return handle(ofClient: number)
  }

  mutating func removeClient(_ handle: ClientHandle) -> Bool {
    guard let client = live(handle) else { return false }
    for relative in 0..<clients[client].used {
      // The extent goes with the last living record.
      guard clients[client].living > 0 else { break }
      let number = clients[client].extent + relative
      if !records[number].isDead { removeRecord(number) }
    }
    var generation = clients[client].generation &+ 1
    if generation == 0 { generation = 1 }
    clients[client] = Client(encoding: .json)
    clients[client].generation = generation
    freeClients.append(client)
    clientsInUse -= 1
    return true
  }

  /// Puts a record into its client's extent and the hash; its number, or nil when a bound is reached.
  mutating func addRecord(_ record: Subscription) -> UInt32? {
    let client = record.client
    guard recordsInUse < limits.subscriptionsMax,
      Int(clients[client].living) < limits.subscriptionsPerClientMax
    else { return nil }
    if clients[client].extent == noIndex {
      clients[client].extentClass = 0
      clients[client].extent = records.allocate(ofClass: 0)
    }
    let capacity = ExtentSlab<Subscription>.capacity(ofClass: clients[client].extentClass)
    if clients[client].free == noIndex && Int(clients[client].used) == capacity {
      // Dead records still queued are reclaimed when they are a quarter, so that a blocked client
      // that subscribes and unsubscribes for ever does not grow, at a constant cost for each.
      if Int(clients[client].dead) * 4 >= capacity {
        sweepQueue(client)
      } else {
        growExtent(client)
      }
    }
    let relative: UInt32
    if clients[client].free != noIndex {
      relative = clients[client].free
      clients[client].free = records[clients[client].extent + relative].next
    } else {
      relative = clients[client].used
      clients[client].used += 1
    }
    let number = clients[client].extent + relative
    records[number] = record
    clients[client].living += 1
    if record.isWildcard { clients[client].wildcards += 1 }
    recordsInUse += 1
    index.insert(number, in: records)
    return number
  }

  /// Takes a record out of the hash, its list and its extent.
  mutating func removeRecord(_ number: UInt32) {
    let record = records[number]
    index.remove(number, in: records)
    if record.isWildcard {
      leaveGroupList(record)
      clients[record.client].wildcards -= 1
    } else if !record.isPassive {
      leaveTopicList(record)
    }
    if record.isHidden { clients[record.client].hidden -= 1 }
    clients[record.client].living -= 1
    recordsInUse -= 1
    records[number].isDead = true
    if clients[record.client].living == 0 {
      releaseExtent(record.client)
    } else if record.isDirty {
      clients[record.client].dead += 1
    } else {
      free(number, of: record.client)
    }
  }

  private mutating func free(_ number: UInt32, of client: UInt32) {
    records[number].next = clients[client].free
    clients[client].free = number - clients[client].extent
  }

  private mutating func releaseExtent(_ client: UInt32) {
    records.release(clients[client].extent, ofClass: clients[client].extentClass)
    clients[client].extent = noIndex
    clients[client].used = 0
    clients[client].free = noIndex
    clients[client].ready = noIndex
    clients[client].incoming = noIndex
    clients[client].dead = 0
  }

  private mutating func growExtent(_ client: UInt32) {
    let old = clients[client]
    let larger = records.allocate(ofClass: old.extentClass + 1)
    records.copyElements(from: old.extent, to: larger, count: Int(old.used))
    for relative in 0..<old.used where !records[larger + relative].isDead {
      let record = records[larger + relative]
      index.move(old.extent + relative, to: larger + relative, in: records)
      if record.isWildcard {
        lists.replace(
          at: record.place, of: groups[record.target].subscribers, with: larger + relative)
      } else if !record.isPassive {
        lists.replace(
          at: record.place, of: topics[record.target].subscribers, with: larger + relative)
      }
    }
    records.release(old.extent, ofClass: old.extentClass)
    clients[client].extent = larger
    clients[client].extentClass += 1
  }

  // MARK: The dirty queue of a client

  /// Frees the dead records in the queue, keeping the order of the others.
  private mutating func sweepQueue(_ client: UInt32) {
    clients[client].ready = sweep(client, clients[client].ready)
    clients[client].incoming = sweep(client, clients[client].incoming)
  }

  private mutating func sweep(_ client: UInt32, _ first: UInt32) -> UInt32 {
    let extent = clients[client].extent
    var head = noIndex
    var last = noIndex
    var relative = first
    while relative != noIndex {
      let next = records[extent + relative].next
      if records[extent + relative].isDead {
        clients[client].dead -= 1
        free(extent + relative, of: client)
      } else {
        if last == noIndex { head = relative } else { records[extent + last].next = relative }
        records[extent + relative].next = noIndex
        last = relative
      }
      relative = next
    }
    return head
  }

  /// The number of the record first in the queue.
  @inline(__always)
  mutating func firstDirty(_ client: UInt32) -> UInt32? {
    if clients[client].ready == noIndex {
      var relative = clients[client].incoming
      guard relative != noIndex else { return nil }
      let extent = clients[client].extent
      var reversed = noIndex
      while relative != noIndex {
        let next = records[extent + relative].next
        records[extent + relative].next = reversed
        reversed = relative
        relative = next
      }
      clients[client].incoming = noIndex
      clients[client].ready = reversed
    }
    return clients[client].extent + clients[client].ready
  }

  /// Takes the first record, `number`, from the queue; a dead one becomes free.
  @inline(__always)
  mutating func popDirty(_ client: UInt32, _ number: UInt32) {
    clients[client].ready = records[number].next
    records[number].isDirty = false
    if records[number].isDead {
      clients[client].dead -= 1
      free(number, of: client)
    }
  }

  // MARK: Lists

  mutating func joinTopicList(_ number: UInt32) {
    let topic = records[number].target
    records[number].place = lists.append(number, to: &topics[topic].subscribers)
  }

  mutating func leaveTopicList(_ record: Subscription) {
    if let moved = lists.remove(at: record.place, from: &topics[record.target].subscribers) {
      records[moved].place = record.place
    }
  }

  mutating func joinGroupList(_ number: UInt32) {
    let group = records[number].target
    records[number].place = lists.append(number, to: &groups[group].subscribers)
  }

  private mutating func leaveGroupList(_ record: Subscription) {
    if let moved = lists.remove(at: record.place, from: &groups[record.target].subscribers) {
      records[moved].place = record.place
    }
    if groups[record.target].subscribers.count == 0 { releaseLog(record.target) }
  }
}
