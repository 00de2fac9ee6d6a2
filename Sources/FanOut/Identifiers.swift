/// Names a topic of one `Distributor`. `index` is dense (0, 1, 2, ...) and may be reused after
/// `removeTopic`, so that callers can keep parallel arrays; `generation` tells the two apart.
public struct TopicID: Hashable, Sendable {
  public let index: UInt32
  public let generation: UInt32

  init(index: UInt32, generation: UInt32) {
    self.index = index
    self.generation = generation
  }
}

/// Names a wildcard group: the topics that `"*"` means on one channel of one path. Never reused.
public struct GroupID: Hashable, Sendable {
  public let index: UInt32

  init(index: UInt32) { self.index = index }
}

/// Names a client. It is a plain number, so it may lie in a C library's opaque user data; a handle
/// that outlived its client is recognised by its generation.
public struct ClientHandle: Hashable, Sendable {
  public let index: UInt32
  public let generation: UInt32

  init(index: UInt32, generation: UInt32) {
    self.index = index
    self.generation = generation
  }

  /// The handle as 64 bits, never zero: generation in the upper half (it starts at 1).
  public var rawValue: UInt64 { UInt64(generation) << 32 | UInt64(index) }

  public init(rawValue: UInt64) {
    index = UInt32(truncatingIfNeeded: rawValue)
    generation = UInt32(truncatingIfNeeded: rawValue >> 32)
  }
}
