/// The bounds of this target, each with the arithmetic that chose it.
public enum RedisLimits {
  /// Bytes of commands not yet taken by the kernel. 5,000 updates/s of SET + SPUBLISH are about
  /// 2.5 MB/s, so 8 MiB hold 3 s of them: more than it takes to declare a silent Redis dead (1.3 s).
  /// Full: the command is refused as `.full` and the caller conflates.
  public static let outputBytesMax = 8 << 20

  /// Below this much output `onDrained` is called after a refusal: a quarter, so that a caller that
  /// then sends everything it held back does not run into the bound again at once.
  public static let outputBytesLow = outputBytesMax / 4

  /// Commands without an answer yet, 16 bytes each: 4 MiB. At the measured 1.6 M commands/s it is
  /// 160 ms of answers under way. Full: as `outputBytesMax`.
  public static let pendingMax = 262_144

  /// Bytes of one reply, all its elements together. A cached value is at most 64 KiB, an MGET of 200
  /// of them 12.5 MiB. Above: the link is closed as `.replyTooLarge`.
  public static let replyBytesMax = 16 << 20

  /// Elements of one reply, nested ones included: an MGET of 12,000 topics or a SCAN batch fit many
  /// times. 24 bytes each, so at most 6 MiB. Above: as `replyBytesMax`.
  public static let replyElementsMax = 262_144

  /// Bytes of a reply line that is not a bulk string (status, error, number). hiredis looks for its
  /// end anew at each read, so an endless line would cost quadratic time.
  public static let replyLineBytesMax = 65_536

  /// Bytes asked of the kernel in one read: a burst of 400 pushed values of 160 bytes.
  static let readBytes = 65_536

  /// Bytes handed to hiredis at a time. It moves the rest of its buffer to the front after each
  /// 1,024 bytes parsed, so n bytes cost n*n/2,048 moved bytes: 8 KiB cost 32 KiB, 64 KiB cost 2 MiB.
  static let feedBytes = 8_192

  /// Bytes read from one link in a turn before the loop's other sockets get theirs.
  static let readBytesPerTurnMax = 1 << 20

  /// Memory that an idle link keeps for output and for replies; a larger buffer is given back.
  static let bufferBytesKept = 256 << 10

  /// Times that the output runs empty before its memory is looked at: an idle link does that each
  /// 300 ms by its probes, so a burst's memory is given back after 80 s at the latest.
  static let drainsPerShrink = 256

  /// SSUBSCRIBE and SUNSUBSCRIBE without their acknowledgement. Each answer is about 60 bytes, so
  /// 5,000 are 300 KB: far below the 8 MB at which Redis drops a subscriber.
  public static let subscriptionsInFlightMax = 5_000

  /// Channels of one subscriber: every channel of 65,536 symbols' three main topics and some more.
  public static let channelsMax = 262_144

  /// Bytes of one channel's name; the longest of ours has 50.
  public static let channelBytesMax = 512

  /// Kinds of server errors that are told apart in counts and reports; Redis has some 40.
  static let errorKindsMax = 64
}
