/// Who awaits which answer: slots that are used again, at most one per pending command.
struct ReceiverTable {
  private enum Slot {
    case free(next: Int)
    case used(RedisConnection.Receiver, allowance: UInt64)
  }

  private var slots: [Slot] = []
  private var firstFree = -1

  mutating func insert(_ receiver: @escaping RedisConnection.Receiver, allowance: UInt64) -> Int {
    let used = Slot.used(receiver, allowance: allowance)
    guard firstFree >= 0, case .free(let next) = slots[firstFree] else {
      slots.append(used)
      return slots.count - 1
    }
    let index = firstFree
    firstFree = next
    slots[index] = used
    return index
  }

  mutating func take(_ index: Int) -> (receive: RedisConnection.Receiver, allowance: UInt64) {
    guard case .used(let receiver, let allowance) = slots[index] else {
      preconditionFailure("an answer for nobody")
    }
    slots[index] = .free(next: firstFree)
    firstFree = index
    return (receiver, allowance)
  }

  func allowance(of index: Int) -> UInt64 {
    if case .used(_, let allowance) = slots[index] { allowance } else { 0 }
  }
}
