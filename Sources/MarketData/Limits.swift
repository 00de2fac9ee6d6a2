/// Every bound of this target, with the arithmetic that chose it.
public enum MarketDataLimits {
  /// Symbols of one table: all US-listed stocks and funds are about 12,000, all pairs of a large
  /// crypto venue about 3,000; four times their sum. At 32 + 8 bytes each a full table is 2.6 MB.
  public static let symbolsMax = 65_536

  /// Bytes of a symbol: `[A-Z0-9._/-]{1,32}`.
  public static let symbolBytesMax = 32

  /// Codes of one table: some 30 exchange letters, 3 tapes, and lists of up to four of about 60
  /// trade conditions, of which a day's tape shows some hundreds.
  public static let codesMax = 4_096

  /// Bytes of one code: four conditions of eight letters with quotes and commas are 45.
  public static let codeBytesMax = 64

  /// Bytes of one encoded value (a message as it lies in Redis). The widest of ours, a depth with
  /// ten levels a side, is under 2 KiB; a data frame is 16 KiB. More is refused unread.
  public static let valueBytesMax = 65_536

  /// Nested arrays and maps in a value: `{"b":[{"p":1}]}` is three, and five are spare.
  public static let valueNestingMax = 8

  /// Nested arrays and maps in a client's MessagePack: `{"since":{"AAPL":[1,2]}}` is three.
  public static let messageNestingMax = 32

  /// Bytes of one number in a value: a double printed in full is 24, a `Decimal9` 21.
  public static let numberBytesMax = 64

  /// What a writer holds at first; two typical trades.
  public static let writerBytesMin = 256
}
