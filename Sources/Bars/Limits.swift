/// The bounds of this target, each with the arithmetic that chose it.
public enum BarsLimits {
  public static let minuteNanoseconds: Int64 = 60_000_000_000

  /// A trade may come this many minutes after the one in which its own ended: 120 s at least. The
  /// tapes allow 10 s until a trade must be reported, and the official service corrects a bar 30 s
  /// after its end. Later ones change the day alone and are counted.
  public static let lateMinutesMax: Int64 = 2

  /// And this many minutes before: exchange and feed clocks differ by seconds (1.27 s on the recording
  /// of Binance). What lies further ahead is a broken timestamp; it is counted and changes nothing.
  public static let aheadMinutesMax: Int64 = 1

  /// Minutes that a symbol keeps: those late, the current one, those ahead. A power of two.
  static let minutesKept = 4

  /// Regular trading hours in New York, seconds since midnight: 9:30 to 16:00. Half days are not
  /// known here; they only decide which minutes may be made of Form T trades alone.
  static let regularHours: Range<Int64> = 34_200..<57_600

  /// Bytes of one pack: 40,000 trades. An ingester cuts at a quarter of it.
  public static let packBytesMax = 1 << 20
  public static let packBytesFull = packBytesMax / 4
}
