/// How a client reads its frames: text frames of JSON or binary frames of MessagePack.
public enum ClientEncoding: UInt8, Sendable {
  case json = 0
  case messagePack = 1
}

/// How many levels a side of a book a subscription wants. Only `.book` topics know the difference.
public enum BookDepth: UInt8, Sendable {
  case full = 0
  case five = 1
  case one = 2
}

/// The forms in which one message can leave. `json` is what was offered, byte for byte; each other
/// form is derived from it at its first use and kept beside it.
public enum MessageVariant: UInt8, CaseIterable, Sendable {
  case json = 0
  case messagePack = 1
  case jsonDepth5 = 2
  case messagePackDepth5 = 3
  case jsonDepth1 = 4
  case messagePackDepth1 = 5

  init(encoding: ClientEncoding, depth: BookDepth) {
    // Two encodings for each depth, in the order of the cases above: 2 * depth + encoding <= 5.
    self = MessageVariant(rawValue: depth.rawValue * 2 + encoding.rawValue).unsafelyUnwrapped
  }
}

/// What a topic's messages are.
public enum TopicKind: Sendable, Equatable {
  /// The newest message says everything; older ones are dropped (ring of 1).
  case state
  /// A state whose messages also exist cut to 5 and 1 levels (order books).
  case book
  /// Every message counts. `ringMessagesMax` (1...2,048, rounded up to a power of two) are kept for
  /// slow clients; what falls out unseen is announced as a gap with its exact number.
  case events(ringMessagesMax: Int)

  var isEvents: Bool {
    if case .events = self { return true }
    return false
  }
}
