// A command out of the body of a request: from anybody, so first it must be JSON, then every member
// must be known, be there once, fit, and go with the action.
import Feeds
import MarketData

extension ReplayCommand {
  /// Members and the actions that they go with.
  private enum Member: String {
    case action, to, by, speed, loop
  }

  private struct Members {
    var action: String?
    var to: FeedMoment?
    var by: Int64?
    var speed: FeedSpeed?
    var loop: Bool?
    var seen: [Member] = []
  }

  /// Reads `{"action":"seek","to":"14:30:05"}`:
  ///
  /// - `pause`, `resume`, `step`, `restart` have nothing else,
  /// - `seek` has `to`, a time (`FeedMoment`), or `by`, seconds,
  /// - `speed` has `speed`, a number above 0 up to 1,000,000 or `"max"`,
  /// - `loop` has `loop`, true or false.
  package init(json: [UInt8]) throws(ReplayRefusal) {
    let members = try json.span.bytes.withUnsafeBytes { (bytes) throws(ReplayRefusal) in
      try ReplayCommand.members(bytes)
    }
    guard let action = members.action else { throw .unprocessable("action is missing") }
    switch action {
    case "pause": self = .pause
    case "resume": self = .resume
    case "step": self = .step
    case "restart": self = .restart
    case "seek":
      switch (members.to, members.by) {
      case (let to?, nil): self = .seek(to)
      case (nil, let by?): self = .seekBy(nanoseconds: by)
      case (nil, nil): throw .unprocessable("to is missing: where to seek, or by, how far")
      case (.some, .some): throw .unprocessable("by does not go with to: one of them says where")
      }
    case "speed":
      guard let speed = members.speed else { throw .unprocessable("speed is missing") }
      self = .speed(speed)
    case "loop":
      guard let loop = members.loop else { throw .unprocessable("loop is missing") }
      self = .loop(loop)
    default:
      throw .unprocessable(
        "action must be one of pause, resume, step, seek, speed, loop, restart")
    }
    let taken: [Member] =
      switch self {
      case .seek, .seekBy: [.action, .to, .by]
      case .speed: [.action, .speed]
      case .loop: [.action, .loop]
      default: [.action]
      }
    if let other = members.seen.first(where: { !taken.contains($0) }) {
      throw .unprocessable("\(other.rawValue) does not go with \(action)")
    }
  }

  private static func members(_ bytes: UnsafeRawBufferPointer) throws(ReplayRefusal) -> Members {
    // All of it must be JSON before a member is blamed.
    func json<T>(_ body: () throws(JSONError) -> T) throws(ReplayRefusal) -> T {
      do throws(JSONError) {
        return try body()
      } catch {
        throw .malformed("malformed JSON at byte \(error.offset): \(error.reason.rawValue)")
      }
    }
    try json { () throws(JSONError) in
      var reader = JSONReader(bytes)
      try reader.skipValue()
      try reader.end()
    }
    var reader = JSONReader(bytes)
    guard try json({ () throws(JSONError) in try reader.peek() }) == .object else {
      throw .unprocessable("the body must be a JSON object")
    }
    var members = Members()
    try json { () throws(JSONError) in try reader.beginObject() }
    while let name = try json({ () throws(JSONError) in try reader.nextKey()?.string }) {
      guard let member = Member(rawValue: name) else {
        throw .unprocessable("\(shown(name)): there is no such member")
      }
      guard !members.seen.contains(member) else {
        throw .unprocessable("\(name): it is there twice")
      }
      members.seen.append(member)
      let value = try json { () throws(JSONError) in try Value(&reader) }
      try read(member, value, into: &members)
    }
    return members
  }

  private static func read(
    _ member: Member, _ value: Value, into members: inout Members
  ) throws(ReplayRefusal) {
    switch member {
    case .action:
      guard case .string(let action) = value else {
        throw .unprocessable("action must be a string")
      }
      members.action = action
    case .to:
      guard case .string(let text) = value, let moment = FeedMoment(parsing: text) else {
        throw .unprocessable("to must be \(FeedMoment.rule)")
      }
      members.to = moment
    case .by:
      guard case .number(let seconds?) = value else {
        throw .unprocessable("by must be a number of seconds")
      }
      members.by = seconds.nanos
    case .speed:
      let text: String? =
        switch value {
        case .string("max"): "max"
        case .number(let number?): "\(FeedSpeed.factor(number))"
        default: nil
        }
      guard let text, let speed = try? FeedSpeed(parsing: text) else {
        throw .unprocessable("speed must be a number above 0, up to 1000000, or \"max\"")
      }
      members.speed = speed
    case .loop:
      guard case .boolean(let loop) = value else {
        throw .unprocessable("loop must be true or false")
      }
      members.loop = loop
    }
  }

  /// A value of a flat object.
  private enum Value {
    case string(String)
    /// Nil when it is no `Decimal9`.
    case number(Decimal9?)
    case boolean(Bool)
    case other

    init(_ reader: inout JSONReader) throws(JSONError) {
      switch try reader.peek() {
      case .string: self = .string(try reader.string().string)
      case .number: self = .number(Decimal9(parsing: try reader.number()))
      case .boolean: self = .boolean(try reader.boolean())
      case .null, .array, .object:
        try reader.skipValue()
        self = .other
      }
    }
  }

  /// A name that a client sent, cut so that an error stays small.
  private static func shown(_ name: String) -> String {
    name.unicodeScalars.count <= 64 ? name : "\(String(name.unicodeScalars.prefix(64)))..."
  }
}
