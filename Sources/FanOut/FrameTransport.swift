/// What became of a frame handed to the transport.
public enum SendOutcome: Sendable {
  /// All of it left for the kernel: the client may be given another frame in this turn.
  case drained
  /// All of it left for the kernel, which still has some: the next frame of this turn is of the usual
  /// size again. Grown frames would end up in the memory of whoever keeps what the kernel does not take.
  case taken
  /// Taken, but part of it waits: no further frame until `Distributor.clientWritable`.
  case buffered
  /// The connection is gone: the distributor forgets the client.
  case closed
}

/// The way out. A class, so that a call costs one witness and no copy.
public protocol FrameTransport: AnyObject {
  /// Sends one whole WebSocket message. `payload` lies in the distributor's own buffer and is valid
  /// during the call only; at least `FanOutLimits.frameHeadroomBytes` bytes before its base address
  /// may be overwritten (LWS_PRE). The call may come back into the distributor to add or remove
  /// clients and subscriptions or to offer, but not to flush.
  func send(
    _ client: ClientHandle, _ payload: UnsafeMutableRawBufferPointer, encoding: ClientEncoding
  ) -> SendOutcome
}

/// Makes the other forms of a message. Called at most once for each message and variant, at the
/// first flush that needs it; must not call the distributor.
public protocol VariantDeriver: AnyObject {
  /// Writes `variant` of the JSON value `message` into `output` (64 KiB) and gives the number of
  /// bytes, or nil when the message is malformed or the result too large: the message is then
  /// skipped for this variant and counted (an event is announced as a gap of 1).
  func derive(
    _ variant: MessageVariant, from message: RawSpan, into output: UnsafeMutableRawBufferPointer
  ) -> Int?
}
