/// A simulated session written to a native tape: what `tapedeck simulate` does.
public enum SimulatedSession {
  /// Writes the whole session and returns the number of its events.
  ///
  /// - Parameters:
  ///   - spec: must have an end (`seconds`).
  ///   - path: `.gz` at its end compresses it.
  @discardableResult
  public static func write(_ spec: SimulationSpec, to path: String) throws(FeedsError) -> UInt64 {
    guard spec.seconds != nil else {
      throw FeedsError(.badArgument, "'\(spec)': a session that is written needs 'seconds'")
    }
    let context = FeedContext()
    let feed = try SimulatedFeed(spec, context: context)
    let writer = try TapeWriter(path: path, context: context)
    while let item = try feed.next() { try writer.append(item.event) }
    try writer.finish()
    return writer.lines
  }
}
