// The passes of a feed, as the log tells them.
import EventLoops
import Feeds
import Logging

extension IngestLoop {
  /// How much was read in the pass that is over; how fast too, where that was up to us.
  func endPass() -> Logger.Metadata {
    var metadata: Logger.Metadata = ["feed": "\(configuration.feed)"]
    guard let began = passBegan else { return metadata }
    passBegan = nil
    let lines = origin.context.counters.lines - began.lines
    metadata["lines"] = "\(lines)"
    guard origin.clock.speed == .max else { return metadata }
    let microseconds = max(1, (EventLoop.monotonicNanoseconds - began.at) / 1_000)
    metadata["ms"] = "\(microseconds / 1_000)"
    metadata["lines-per-s"] = "\(lines * 1_000_000 / microseconds)"
    return metadata
  }
}
