import WebTransport

/// What clients said while their credentials were being looked up, in order and bounded.
struct HeldMessages {
  struct Message {
    let opcode: WebSocketOpcode
    let bytes: [UInt8]
  }

  private struct Held {
    var messages: [Message] = []
    var bytes = 0
  }

  private var clients: [ConnectionID: Held] = [:]
  /// Of all clients.
  private(set) var bytes = 0

  /// False when there is no room: the message is not kept.
  mutating func add(_ id: ConnectionID, _ opcode: WebSocketOpcode, _ message: RawSpan) -> Bool {
    let count = message.byteCount
    var client = clients[id] ?? Held()
    guard client.messages.count < GatewayLimits.heldMessagesMax,
      client.bytes + count <= GatewayLimits.heldBytesMax,
      bytes + count <= GatewayLimits.heldBytesOfLoopMax
    else { return false }
    client.messages.append(
      Message(opcode: opcode, bytes: message.withUnsafeBytes { Array($0) }))
    client.bytes += count
    clients[id] = client
    bytes += count
    return true
  }

  /// Takes out what one client said.
  mutating func take(_ id: ConnectionID) -> [Message] {
    guard let client = clients.removeValue(forKey: id) else { return [] }
    bytes -= client.bytes
    return client.messages
  }
}
