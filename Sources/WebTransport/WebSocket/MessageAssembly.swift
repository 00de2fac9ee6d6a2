// Puts a message together from the pieces that lws hands out: at most `receivePieceBytes` of a
// fragment at a time. lws has already checked the order of fragments and dealt with control frames
// in between. The buffer is kept when the object goes back to the pool. Knows no connection.
import Glibc

final class MessageAssembly {
  enum Step: Equatable {
    case more
    case whole
    /// Over the limit of a message.
    case tooBig
    /// Text that is not UTF-8, or ends inside a character.
    case badText
    /// The memory for unfinished messages is used up.
    case noMemory
  }

  private var memory: UnsafeMutableRawPointer?
  private(set) var capacity = 0
  private(set) var count = 0
  private var isText = false
  private var isChecked = false
  private var text = UTF8Validator()

  deinit { free(memory) }

  var opcode: WebSocketOpcode { isText ? .text : .binary }

  /// What has come so far; the whole message after `.whole`.
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: memory, count: count) }

  /// Before the first piece of a message. `isChecked`: text is known to be UTF-8.
  func begin(_ opcode: WebSocketOpcode, isChecked: Bool = false) {
    count = 0
    self.isChecked = isChecked
    isText = opcode == .text
    text = UTF8Validator()
  }

  /// Takes a piece. `expected` more bytes of the same frame will follow, `isFinal` says that nothing
  /// does. `grow` is asked for the bytes that the buffer is to grow by and may say no.
  func append(
    _ piece: UnsafeRawBufferPointer, expected: Int, isFinal: Bool, bytesMax: Int,
    grow: (Int) -> Bool
  ) -> Step {
    guard piece.count <= bytesMax - count, expected <= bytesMax - count - piece.count else {
      return .tooBig
    }
    if isText, !isChecked {
      guard text.accept(piece), !isFinal || text.isComplete else { return .badText }
    }
    if !piece.isEmpty {
      guard reserve(count + piece.count, bytesMax: bytesMax, grow) else { return .noMemory }
      memory!.advanced(by: count).copyMemory(from: piece.baseAddress!, byteCount: piece.count)
      count += piece.count
    }
    return isFinal ? .whole : .more
  }

  private func reserve(_ needed: Int, bytesMax: Int, _ grow: (Int) -> Bool) -> Bool {
    guard needed > capacity else { return true }
    let wanted = min(max(capacity * 2, needed, 4_096), max(bytesMax, needed))
    guard grow(wanted - capacity) else { return false }
    guard let larger = realloc(memory, wanted) else { return false }
    memory = larger
    capacity = wanted
    return true
  }
}
