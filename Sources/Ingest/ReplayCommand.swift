// What can be asked of a play while it runs, and what is answered. `POST /v1/replay` takes a command as
// one flat JSON object; every member is looked at, and one that does not belong is an error that names it.
package import Feeds
package import MarketData

package enum ReplayCommand: Hashable, Sendable {
  case pause
  case resume
  /// Pauses what plays, and lets what is paused play.
  case toggle
  /// The next event of a play that is paused.
  case step
  case seek(FeedMoment)
  /// Feed time from where the play is; saturating.
  case seekBy(nanoseconds: Int64)
  case speed(FeedSpeed)
  /// Twice as fast, half as fast.
  case faster, slower
  case loop(Bool)
  case restart
}

/// Why a command is not carried out.
package enum ReplayRefusal: Error, Hashable, Sendable {
  /// The body is no JSON: 400.
  case malformed(String)
  /// A member of it cannot be, or not now: 422.
  case unprocessable(String)
  /// The feed cannot be read where it is sent to: 503.
  case unreadable(String)
}

/// Where a play is.
package struct ReplayStatus: Hashable, Sendable {
  package enum State: String, Sendable {
    /// Not begun: there is no epoch from Redis yet.
    case waiting
    case playing
    case paused
    /// On the way to a place.
    case seeking
    case ended
  }

  package var state: State
  /// What is played: a path, a simulation's spec.
  package var source: String
  /// The epoch, and the position of the last event.
  package var sequence: SequenceNumber
  /// Where the feed's clock is; nil before the first event.
  package var time: Timestamp?
  package var speed: FeedSpeed
  package var loops: Bool
  /// Complete passes through the feed.
  package var passes: UInt64
}

extension ReplayStatus {
  /// `{"state":"playing","source":"tape.gz","epoch":1,"position":7,"time":"...Z","speed":1,"loop":true,`
  /// `"passes":0}`; a speed of `"max"` is a string, a time that is not there null.
  package var json: [UInt8] {
    var writer = ByteWriter(capacity: 256)
    writer.append("{\"state\":\"")
    writer.append(text: state.rawValue)
    writer.append("\",\"source\":")
    writer.appendJSONString(source)
    writer.append(",\"epoch\":")
    writer.appendDecimal(sequence.epoch)
    writer.append(",\"position\":")
    writer.appendDecimal(sequence.number)
    writer.append(",\"time\":")
    if let time {
      writer.append("\"")
      writer.append(time)
      writer.append("\"")
    } else {
      writer.append("null")
    }
    writer.append(",\"speed\":")
    switch speed {
    case .max: writer.append("\"max\"")
    case .factor(let factor): writer.append(factor)
    }
    writer.append(",\"loop\":")
    writer.append(loops ? "true" : "false")
    writer.append(",\"passes\":")
    writer.appendDecimal(passes)
    writer.append("}")
    return writer.withUnsafeBytes { Array($0) }
  }
}
