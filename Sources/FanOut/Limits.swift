/// The bounds of one distributor. What happens when one is reached stands beside it.
///
/// Memory of one client: 64 B of record, and for each subscription 24 B of record, 4 B in the
/// topic's subscriber list and 4 B in the hash. Extents and lists have power-of-two capacities and
/// the hash is at most half full, so a subscription costs 24...48 + 4...8 + 8...16 B: 36 to 72 B.
/// 50 subscriptions (64 records): 64 + 64 * 24 + 50 * (8 + 16) = 2,800 B at most, whatever the
/// client's speed: a slow client holds positions, not messages.
public struct FanOutLimits: Sendable {
  /// 2 paths x 8 channels x 65,536 symbols is 2^20. When full `addTopic` gives nil.
  public var topicsMax = 1 << 20
  /// Groups are made once for each path and channel: 2 x 8, four times that. Full: a trap, since
  /// they are made by the program and not by clients.
  public var groupsMax = 64
  /// Clients of one loop; a record is 64 B, so 16 MiB. The client index has 22 bits in a record
  /// (4,194,303). When full `addClient` gives nil.
  public var clientsMax = 1 << 18
  /// Records of one loop, wildcards included: 262,144 clients of 50 would need 13 million; 2^24
  /// records are 400 MiB. When full `subscribe` says `.full`.
  public var subscriptionsMax = 1 << 24
  /// Records of one client: 6,000 symbols on 8 channels is 48,000. When full `subscribe` says
  /// `.full`.
  public var subscriptionsPerClientMax = 1 << 16
  /// Bytes of messages, their variants, rings and labels: 6,000 symbols with a quote (512 B with
  /// its MessagePack), a book (4 KiB with its cuts) and 256 trades (8 KiB of ring, 256 x 2 x 128 B)
  /// are 450 MB when every ring is full; half of the symbols are quiet, so 256 MiB. When full an
  /// event topic overwrites its own oldest instead of growing its ring, a state topic keeps its old
  /// value (`.noMemory`), a derived variant is not kept.
  public var arenaBytesMax = 256 << 20
  /// Entries of the log of an event group, 16 B each, rounded up to a power of two: 100,000 trades
  /// a second for 80 ms. A wildcard client that falls off is told how many it missed.
  public var groupLogEntriesMax = 8_192
  /// A data frame, unless the client drained the last one within the turn; then it doubles.
  public var frameBytesMax = 16_384
  /// The hard cap of a frame. Clients accept 1 MiB; one frame this long takes 20 ms at 100 Mbit/s.
  public var frameBytesHardMax = 262_144

  public init() {}

  /// Bytes before a payload that the transport may overwrite: LWS_PRE of libwebsockets 4.1 is 16.
  public static let frameHeadroomBytes = 16
  /// One offered message or one derived variant: the largest slot of the arena. A top-10 book is
  /// under 1 KiB, a value in Redis at most 64 KiB. Larger ones are refused (`.badSize`).
  public static let messageBytesMax = 65_536
  /// A ring's block lies in one arena slot: 65,536 B / 32 B for each entry.
  public static let ringMessagesMax = 2_048
  /// Messages in one frame: the count of a MessagePack array 16.
  static let frameMessagesMax = 65_535
  /// `symbol` and `channel` of a topic: symbols match `[A-Z0-9._/-]{1,32}`, the longest channel is
  /// `cancelErrors`; both lie in one 64 B slot.
  public static let symbolBytesMax = 32
  public static let channelBytesMax = 32
  /// `{"T":"gap","S":"","c":"","missed":}` is 36 B, 32 + 32 B of names, 20 digits.
  static let gapBytesMax = 128
  /// An offered gap of more events than this is told as unknown. Weights count modulo 2^32, so 4,096
  /// gaps of this size may lie between a cursor and its topic's head, or 2^32 - 1 single events: at
  /// 100,000 a second 11.9 hours, and no client is left unserved for longer than 60 s.
  static let missedMax: UInt64 = 1 << 20
}
