/// The bounds of this target, each with the arithmetic that chose it.
public enum UpstreamLimits {
  /// One message of the upstream: official servers stay below the 1 MiB that official clients take; an
  /// acknowledgement of 65,536 symbols on three channels is 3 MiB. More ends the connection.
  public static let messageBytesMax = 4 * 1_024 * 1_024

  /// One subscribe message of ours: official servers take 16 KiB; a quarter is left for names that
  /// need escapes and for the keys.
  static let subscribeBytesMax = 12 * 1_024

  /// Symbols that can be asked for by name: those of a symbol table.
  public static let symbolsMax = 65_536

  /// From the upgrade to "connected", from there to "authenticated", and from each subscribe to its
  /// acknowledgement. Official servers allow clients 10 s for the same.
  public static let stepMilliseconds: UInt64 = 10_000

  /// Its symbols must be called stale within 2 s of the moment when an upstream falls silent: 1,250 ms,
  /// looked at with each ping, so 1,500 at the most; then 5 ms until the ingester's flush, 10 ms until
  /// the gateway's, and 480 ms for machines that are busy. TCP repeats a lost segment after about 0.2 s
  /// and 0.6 s: two chances.
  static let pingMilliseconds: UInt64 = 250
  static let silenceMaxMilliseconds: UInt64 = 1_250

  /// Waits before a reconnect are drawn evenly below 0.5, 1, 2 ... 30 s. Full jitter: clients that lost
  /// the same server come back spread out.
  static let reconnectBaseMilliseconds: UInt64 = 500
  static let reconnectMaxMilliseconds: UInt64 = 30_000

  /// After a refusal that only a person can repair (a wrong key, no subscription): 30 to 60 s.
  static let refusedMinMilliseconds: UInt64 = 30_000
  static let refusedMaxMilliseconds: UInt64 = 60_000

  /// A link that served for so long makes the next wait short again.
  static let servedMilliseconds: UInt64 = 10_000

  /// Text of a server that goes into an error.
  static let quotedBytesMax = 120
}
