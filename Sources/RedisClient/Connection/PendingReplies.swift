// The commands that wait for an answer, oldest first: a ring of 16-byte records that grows to a
// bound. RESP answers in order, so the front is always the next one answered. Pure; no closures here,
// an awaited command's record names a slot in the connection's table of receivers.

struct PendingReply {
  /// Position in the link's output just behind the command, to tell what had left when a link ends.
  let outputEnd: UInt64
  /// Milliseconds since the link came up, modulo 2^32.
  let sentAt: UInt32
  let receiver: PendingReceiver
}

/// Who gets an answer: a slot of the table, or nobody (only errors are counted, under this name).
struct PendingReceiver: Equatable {
  let rawValue: UInt32

  static let probe = PendingReceiver(rawValue: .max)
  static let set = PendingReceiver(rawValue: .max - 1)
  static let spublish = PendingReceiver(rawValue: .max - 2)
  static let publish = PendingReceiver(rawValue: .max - 3)
  static let delete = PendingReceiver(rawValue: .max - 4)

  static func slot(_ index: Int) -> PendingReceiver {
    precondition(index < RedisLimits.pendingMax)
    return PendingReceiver(rawValue: UInt32(index))
  }

  var slot: Int? { rawValue < UInt32(RedisLimits.pendingMax) ? Int(rawValue) : nil }

  var commandName: StaticString {
    switch self {
    case .probe: "PING"
    case .set: "SET"
    case .spublish: "SPUBLISH"
    case .publish: "PUBLISH"
    case .delete: "DEL"
    default: "command"
    }
  }
}

struct PendingReplies: ~Copyable {
  private var records: UnsafeMutablePointer<PendingReply>
  private var capacity = 64
  private var head = 0
  private(set) var count = 0

  init() { records = .allocate(capacity: capacity) }
  deinit { records.deallocate() }

  var first: PendingReply? { count > 0 ? records[head] : nil }

  func hasRoom(for more: Int) -> Bool { count + more <= RedisLimits.pendingMax }

  mutating func append(_ record: PendingReply) {
    precondition(count < RedisLimits.pendingMax)
    if count == capacity { grow() }
    (records + ((head + count) & (capacity - 1))).initialize(to: record)
    count += 1
  }

  mutating func popFirst() -> PendingReply? {
    guard count > 0 else { return nil }
    let record = records[head]
    head = (head + 1) & (capacity - 1)
    count -= 1
    return record
  }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<PendingReply>.allocate(capacity: capacity * 2)
    for at in 0..<count {
      (larger + at).initialize(to: records[(head + at) & (capacity - 1)])
    }
    records.deallocate()
    records = larger
    capacity *= 2
    head = 0
  }
}
