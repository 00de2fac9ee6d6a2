/// What the leading ingester says of its feed four times a second.
public struct FeedHeartbeat: Hashable, Sendable {
  public enum State: String, Sendable, CaseIterable {
    case live, paused, ended
  }

  /// Symbols that cannot be vouched for though the feed lives.
  public enum Stale: Hashable, Sendable {
    case symbols([String])
    /// More than the list's bound.
    case all
  }

  /// Symbols listed one by one at the most: 64 x 35 bytes keep a heartbeat near 2 KiB.
  public static let staleSymbolsMax = 64

  /// The epoch, and the position of the last event that was written.
  public var sequence: SequenceNumber
  /// The feed's own time.
  public var timestamp: Timestamp
  /// The events' timestamps were moved to now, so the feed's own time is nobody else's.
  public var isRebased: Bool
  public var state: State
  /// Thousandths of real time; 0 is as fast as possible.
  public var speedThousandths: UInt32
  /// Grows when the feed's symbol list does.
  public var symbolsVersion: UInt64
  /// The epoch with which the writer's run began, so that what an earlier run wrote is known as such;
  /// 0: not said.
  public var run: UInt64
  /// The writer's boot clock when it was made, in milliseconds: says which of two came late.
  public var madeMilliseconds: UInt64?
  public var stale: Stale

  public init(
    sequence: SequenceNumber, timestamp: Timestamp, isRebased: Bool = false, state: State,
    speedThousandths: UInt32, symbolsVersion: UInt64, run: UInt64 = 0,
    madeMilliseconds: UInt64? = nil, stale: Stale
  ) {
    self.sequence = sequence
    self.timestamp = timestamp
    self.isRebased = isRebased
    self.state = state
    self.speedThousandths = speedThousandths
    self.symbolsVersion = symbolsVersion
    self.run = run
    self.madeMilliseconds = madeMilliseconds
    self.stale = stale
  }
}

extension FeedHeartbeat {
  /// Appends it as JSON. It begins `{"E":`, `"N":` like every value.
  public func append(to writer: inout ByteWriter) {
    writer.append("{\"E\":")
    writer.appendDecimal(sequence.epoch)
    writer.append(",\"N\":")
    writer.appendDecimal(sequence.number)
    writer.append(",\"T\":\"heartbeat\",\"t\":\"")
    writer.append(timestamp)
    writer.append("\",\"rebased\":")
    writer.append(isRebased ? "true" : "false")
    writer.append(",\"state\":")
    writer.appendJSONString(state.rawValue)
    writer.append(",\"speed\":")
    writer.append(Decimal9(nanos: Int64(speedThousandths) * (Decimal9.scale / 1_000)))
    writer.append(",\"symbols\":")
    writer.appendDecimal(symbolsVersion)
    if run > 0 {
      writer.append(",\"run\":")
      writer.appendDecimal(run)
    }
    if let madeMilliseconds {
      writer.append(",\"made\":")
      writer.appendDecimal(madeMilliseconds)
    }
    writer.append(",\"stale\":")
    switch stale {
    case .all: writer.append("\"all\"")
    case .symbols(let names): writer.appendJSONList(names)
    }
    writer.append("}")
  }

  /// Reads what `append` wrote; keys that are not known are passed over.
  ///
  /// Throws the JSON error, or `expectedValue` at the end when a field is missing.
  public init(parsing json: UnsafeRawBufferPointer) throws(JSONError) {
    var reader = JSONReader(json)
    var (epoch, number, timestamp): (Int64?, Int64?, Timestamp?)
    var isRebased = false
    var (run, made): (Int64, Int64?) = (0, nil)
    var (state, speed, version, stale): (State?, Decimal9?, Int64?, Stale?)
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch key {
      case "E": epoch = try reader.integer()
      case "N": number = try reader.integer()
      case "t": timestamp = Timestamp(parsing: try reader.string().raw)
      case "rebased": isRebased = try reader.boolean()
      case "state": state = State(rawValue: try reader.string().string)
      case "speed": speed = Decimal9(parsing: try reader.number())
      case "symbols": version = try reader.integer()
      case "run": run = try reader.integer()
      case "made": made = try reader.integer()
      case "stale": stale = try FeedHeartbeat.stale(&reader)
      default: try reader.skipValue()
      }
    }
    try reader.end()
    guard let epoch, epoch >= 0, let number, number >= 0, let version, version >= 0, let timestamp,
      run >= 0, made ?? 0 >= 0, let state, let stale, let speed,
      let thousandths = UInt32(exactly: speed.nanos / 1_000_000)
    else { throw reader.failure(.expectedValue) }
    self.init(
      sequence: SequenceNumber(epoch: UInt64(epoch), number: UInt64(number)),
      timestamp: timestamp, isRebased: isRebased, state: state, speedThousandths: thousandths,
      symbolsVersion: UInt64(version), run: UInt64(run), madeMilliseconds: made.map(UInt64.init),
      stale: stale)
  }

  private static func stale(_ reader: inout JSONReader) throws(JSONError) -> Stale {
    if case .string = try reader.peek() {
      guard try reader.string().equals("all") else { throw reader.failure(.expectedArray) }
      return .all
    }
    return .symbols(try reader.strings(countMax: staleSymbolsMax))
  }
}
