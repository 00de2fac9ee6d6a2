/// Every bound of this target, with the arithmetic that chose it.
public enum OrderBooksLimits {
  /// Books of one set: ITCH names a stock by 16 bits. Each costs 32 bytes as soon as one with a
  /// higher number is used: 2 MiB at most.
  public static let booksMax = 65_536

  /// Orders of one set, if nothing else is asked for. All of NASDAQ rests 2 to 3 million at the
  /// busiest moment; four times that. At 24 bytes and the lowest load just after growing (`loadMax`
  /// divided by the growth) they are 690 MB. Orders beyond are refused and counted: their book then
  /// shows less than there is, and what happens to them later counts as unknown.
  public static let ordersMax = 12_000_000

  /// Price levels on one side of one book. The fullest real side has some thousand; a new level in
  /// the middle moves 8 bytes for each better one: 131 KB, 10 us, at worst. An order at a price
  /// beyond is refused and counted.
  public static let levelsMax = 16_384

  /// Slots of the order table before its first growth: 1,024 x 24 bytes.
  static let slotsMin = 1_024

  /// The table grows when more than this many 32nds of its slots are taken, by half of its size.
  /// At 20/32 a hit looks at 1.8 slots and a miss at 4.1 on average, of 24 bytes each and
  /// neighbours in memory; an order takes 38 to 58 bytes.
  static let loadMax32nds = 20

  /// Levels of a side before its first growth.
  static let levelsMin = 8

  /// Bytes from which memory is asked of the system in huge pages where it grants them: random
  /// reads of a table of 50 MB otherwise miss the address cache (2,048 entries of 4 KiB) each time.
  static let hugePageBytes = 2 << 20

  /// Frames that are looked at ahead of the one that is applied, so that their orders' slots are on
  /// their way from memory: 100 ns of latency over the 15 ns that a message takes, with room.
  static let framesAhead = 16
}
