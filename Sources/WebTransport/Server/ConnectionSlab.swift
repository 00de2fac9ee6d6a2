// The records of all connections of a server, in one flat piece of memory that doubles up to its
// bound. An index is reused, its generation is not: `find` gives nothing for a stale id. Loop's thread
// only. A pointer from here is good until the next `add`.

/// What the server knows of a connection. 200 bytes; everything that only some connections have
/// is behind a reference that is nil otherwise.
struct ConnectionRecord {
  enum Kind: UInt8 {
    /// No connection: the slot is free.
    case free
    /// Adopted; requests may come.
    case http
    /// The handshake is done.
    case webSocket
  }

  var kind = Kind.free
  /// A part of a frame is still in lws' hands.
  var isBuffered = false
  /// Somebody was told `buffered` or `refused` and waits for `webSocketWritable`.
  var owesWritable = false
  /// On the way out: nothing is sent or delivered any more.
  var isClosing = false
  /// `webSocketOpened` has been called, so `webSocketClosed` is owed.
  var wasOpened = false
  /// In the list of connections to close at the turn's end.
  var isInCloseList = false
  var isSecure = false
  /// The next thing from the client is a request head.
  var awaitsHead = false
  /// The handshake was accepted; lws has not finished it.
  var isUpgrading = false
  /// How far the end of a WebSocket has come, and whether our close frame has been sent.
  var farewell = Farewell.none
  var saidGoodbye = false
  var closeCode = WebSocketCloseCode.abnormal
  var generation: UInt32 = 0
  var requests: UInt32 = 0
  /// lws' object, nil before the adoption and after its destruction.
  var wsi: OpaquePointer?
  /// When the peer was last heard, or the last answer ended; loop milliseconds.
  var lastHeard: UInt64 = 0
  var lastPing: UInt64 = 0
  /// When the first byte of the head under way came, 0 without one.
  var headBegan: UInt64 = 0
  /// When the close must be over, 0 without one.
  var closeDeadline: UInt64 = 0
  var address = RemoteAddress.unknown
  var exchange: HTTPExchange?
  var assembly: MessageAssembly?
  var controls: ControlQueue?
  var checker = FrameChecker()
  /// Pings that have not been answered.
  var pongs: [WebServer.Pong]?
  /// Whole messages that were delivered, or not, since it is closing.
  var messages: UInt32 = 0
  var closeReason: String = ""
}

struct ConnectionSlab: ~Copyable {
  private var records: UnsafeMutablePointer<ConnectionRecord>
  private var capacity: Int
  /// Slots that were ever used.
  private(set) var used = 0
  private(set) var count = 0
  private var freeIndexes: [UInt32] = []
  private let countMax: Int

  init(countMax: Int) {
    precondition(countMax > 0 && countMax <= Int(UInt32.max))
    self.countMax = countMax
    capacity = min(64, countMax)
    records = .allocate(capacity: capacity)
  }

  deinit {
    records.deinitialize(count: used)
    records.deallocate()
  }

  /// A new connection; nil when `countMax` are there.
  mutating func add(_ now: UInt64, _ address: RemoteAddress) -> ConnectionID? {
    guard count < countMax else { return nil }
    count += 1
    let index: Int
    var generation: UInt32 = 1
    if let free = freeIndexes.popLast() {
      index = Int(free)
      generation = records[index].generation == .max ? 1 : records[index].generation + 1
    } else {
      if used == capacity { growTo(min(capacity * 2, countMax)) }
      index = used
      used += 1
      records.advanced(by: index).initialize(to: ConnectionRecord())
    }
    records[index] = ConnectionRecord(
      kind: .http, generation: generation, lastHeard: now, address: address)
    return ConnectionID(index: UInt32(index), generation: generation)
  }

  mutating func remove(_ id: ConnectionID) {
    guard find(id) != nil else { preconditionFailure("a connection that is not there") }
    let generation = records[Int(id.index)].generation
    records[Int(id.index)] = ConnectionRecord(generation: generation)
    freeIndexes.append(id.index)
    count -= 1
  }

  /// The record of a connection that is there; nil for a stale id.
  func find(_ id: ConnectionID) -> UnsafeMutablePointer<ConnectionRecord>? {
    let index = Int(id.index)
    guard index < used, records[index].generation == id.generation, records[index].kind != .free
    else { return nil }
    return records.advanced(by: index)
  }

  /// The connection in a slot, by index below `used`.
  func id(at index: Int) -> ConnectionID? {
    precondition(index < used)
    guard records[index].kind != .free else { return nil }
    return ConnectionID(index: UInt32(index), generation: records[index].generation)
  }

  private mutating func growTo(_ larger: Int) {
    let moved = UnsafeMutablePointer<ConnectionRecord>.allocate(capacity: larger)
    moved.moveInitialize(from: records, count: used)
    records.deallocate()
    records = moved
    capacity = larger
  }
}
