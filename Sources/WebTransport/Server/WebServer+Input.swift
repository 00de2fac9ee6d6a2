// What comes from a WebSocket, between the socket and libwebsockets: its bytes are checked as they are
// read (`Interposed`), so that libwebsockets sees whole, right frames only; pings are answered and close
// frames taken here.
import CLibwebsockets
import EventLoops
import Glibc

extension WebServer {
  /// Looks at what was read from `fd`. Gives how many of the bytes libwebsockets may see; nil for all
  /// of them. 0: it must not see any, and what is still to come is to be dropped.
  func admitted(_ fd: Int32, _ bytes: UnsafeMutableRawBufferPointer) -> Int? {
    let index = Int(fd)
    guard index < descriptors.count, let id = ConnectionID(bits: UInt(descriptors[index])),
      let record = slab.find(id)
    else { return nil }
    guard record.pointee.kind == .webSocket else {
      if record.pointee.awaitsHead, record.pointee.headBegan == 0 {
        record.pointee.headBegan = loop.nowMilliseconds
      }
      return nil
    }
    record.pointee.lastHeard = loop.nowMilliseconds
    guard !record.pointee.checker.isOver else { return 0 }
    var offset = 0
    while true {
      let (next, finding) = record.pointee.checker.accept(
        bytes, from: offset, messageBytesMax: configuration.messageBytesMax)
      offset = next
      switch finding {
      case .none: return nil
      case .ping: owePong(id, record)
      case .close: lastWords.append((id, nil))
      case .fault(let fault): lastWords.append((id, fault))
      }
      guard !record.pointee.checker.isOver else {
        askForTurnEnd()
        return record.pointee.checker.frameStart
      }
    }
  }

  /// Remembers which connection a descriptor is. The kernel numbers from the lowest free one, so the
  /// array is as long as the process has descriptors.
  func note(_ fd: Int32, _ id: ConnectionID) {
    let index = Int(fd)
    if index >= descriptors.count {
      let more = max(index + 1, descriptors.count * 2) - descriptors.count
      descriptors.append(contentsOf: repeatElement(0, count: more))
    }
    descriptors[index] = UInt64(id.bits)
  }

  // MARK: - Pings

  /// An answer to a ping, due when so many messages have been delivered.
  struct Pong {
    var after: UInt32
    var payload: [UInt8]

    /// The counts go round.
    func isDue(after messages: UInt32) -> Bool { Int32(bitPattern: messages &- after) >= 0 }
  }

  private func owePong(_ id: ConnectionID, _ record: UnsafeMutablePointer<ConnectionRecord>) {
    guard !record.pointee.isClosing else { return }
    var pongs = record.pointee.pongs ?? []
    // RFC 6455, 5.5.3: only the most recent ping needs an answer.
    if pongs.count == WebTransportLimits.pongsMax { pongs.removeLast() }
    let checker = record.pointee.checker
    pongs.append(Pong(after: checker.messages, payload: checker.control))
    record.pointee.pongs = pongs
    // Behind a frame that is still leaving `writable` sends them.
    if pongs.count == 1 {
      pongList.append(id)
      askForTurnEnd()
    }
  }

  /// At the turn's end.
  func sendPongs() {
    guard !pongList.isEmpty else { return }
    var list: [ConnectionID] = []
    swap(&list, &pongList)
    for id in list {
      guard let wsi = slab.find(id)?.pointee.wsi else { continue }
      if !sendPongs(id, wsi) { kill(id) }
    }
  }

  /// As many as are due and the socket takes. False when it is broken.
  func sendPongs(_ id: ConnectionID, _ wsi: OpaquePointer) -> Bool {
    guard let record = slab.find(id), let pongs = record.pointee.pongs else { return true }
    var sent = 0
    while sent < pongs.count, pongs[sent].isDue(after: record.pointee.messages),
      lws_partial_buffered(wsi) == 0
    {
      guard writeControl(wsi, pongs[sent].payload, LWS_WRITE_PONG) else { return false }
      sent += 1
    }
    record.pointee.pongs = sent == pongs.count ? nil : Array(pongs[sent...])
    if lws_partial_buffered(wsi) != 0 { record.pointee.isBuffered = true }
    return true
  }

  /// A control frame of up to 125 bytes. False when the socket is broken.
  func writeControl(
    _ wsi: OpaquePointer, _ payload: [UInt8], _ mode: lws_write_protocol
  ) -> Bool {
    let room = WebTransportLimits.frameHeadroomBytes
    return withUnsafeTemporaryAllocation(byteCount: room + payload.count, alignment: 16) { frame in
      UnsafeMutableRawBufferPointer(rebasing: frame[room...]).copyBytes(from: payload)
      return lws_write(wsi, frame.baseAddress! + room, payload.count, mode) >= 0
    }
  }

  // MARK: - The last words

  /// At the turn's end, when libwebsockets has handed out what came before: breaches and close frames.
  func hearLastWords() {
    guard !lastWords.isEmpty else { return }
    var list: [(ConnectionID, FrameChecker.Fault?)] = []
    swap(&list, &lastWords)
    for (id, fault) in list {
      guard let record = slab.find(id) else { continue }
      if let fault {
        counters.faultCloses += 1
        beginClose(id, fault.code, fault.words)
        continue
      }
      let payload = record.pointee.checker.control
      // A close frame without a payload is code 1005, "none", which is never on the wire.
      let code =
        payload.isEmpty
        ? WebSocketCloseCode.none : UInt16(payload[0]) << 8 | UInt16(payload[1])
      beginClose(id, code, String(decoding: payload.dropFirst(2), as: UTF8.self))
    }
  }
}
