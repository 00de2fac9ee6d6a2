// Control messages of one connection that wait until the frame under way has left. Bounded: an empty
// queue takes one message of any size up to `controlMessageBytesMax`, since an acknowledgement of many
// symbols must not be lost; behind the first up to `controlQueueBytesMax`, so that an error has room
// also behind that. Each message is kept with the headroom that lws writes its frame header into.
import Glibc

final class ControlQueue {
  private struct Message {
    var memory: UnsafeMutableRawBufferPointer
    var opcode: WebSocketOpcode
  }

  private var messages: [Message] = []
  private var head = 0
  private(set) var bytes = 0

  deinit { removeAll() }

  var isEmpty: Bool { head == messages.count }

  /// False when the message does not fit; then nothing has changed.
  func append(_ payload: UnsafeRawBufferPointer, opcode: WebSocketOpcode) -> Bool {
    if isEmpty {
      guard payload.count <= WebTransportLimits.controlMessageBytesMax else { return false }
    } else {
      let first = messages[head].memory.count - WebTransportLimits.frameHeadroomBytes
      guard bytes - first + payload.count <= WebTransportLimits.controlQueueBytesMax else {
        return false
      }
    }
    let room = WebTransportLimits.frameHeadroomBytes
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: room + payload.count, alignment: 16)
    UnsafeMutableRawBufferPointer(rebasing: memory[room...]).copyMemory(from: payload)
    messages.append(Message(memory: memory, opcode: opcode))
    bytes += payload.count
    return true
  }

  /// Hands the oldest message to `body`, with its headroom, and forgets it.
  func takeFirst(_ body: (UnsafeMutableRawBufferPointer, WebSocketOpcode) -> Void) {
    precondition(!isEmpty)
    let message = messages[head]
    head += 1
    bytes -= message.memory.count - WebTransportLimits.frameHeadroomBytes
    if isEmpty {
      messages.removeAll(keepingCapacity: true)
      head = 0
    }
    body(message.memory, message.opcode)
    message.memory.deallocate()
  }

  /// A connection is closing: an acknowledgement over the queue's bound has no reader any more.
  func forgetLarge() {
    guard !isEmpty, messages[head].memory.count > WebTransportLimits.controlQueueBytesMax else {
      return
    }
    takeFirst { _, _ in }
  }

  func removeAll() {
    for message in messages[head...] { message.memory.deallocate() }
    messages.removeAll()
    head = 0
    bytes = 0
  }
}
