/// Times and bounds of one link; the defaults are the production values.
public struct RedisOptions: Hashable, Sendable {
  /// From connect() to the end of the greeting (AUTH, SELECT, PING).
  public var connectTimeoutMilliseconds: UInt64 = 1_000

  /// A link on which nothing came for this long is asked by a PING.
  public var probeAfterMilliseconds: UInt64 = 300

  /// No byte for this long while an answer is owed: the link is dead. A Redis that forks or runs a
  /// slow script stops for some 100 ms; a leader's lease of 1,000 ms leaves no room for more.
  public var answerTimeoutMilliseconds: UInt64 = 900

  /// The link is dead when its oldest command is unanswered for this long, though bytes come.
  public var commandTimeoutMilliseconds: UInt64 = 5_000

  /// How often the rules above are looked at.
  public var checkEveryMilliseconds: UInt64 = 100

  /// The wait before the n-th retry is drawn from 0 to min(max, base * 2^n).
  public var reconnectDelayBaseMilliseconds: UInt64 = 50
  public var reconnectDelayMaxMilliseconds: UInt64 = 1_000

  /// A link that follows one which was given up ends it in Redis before it serves, so that nothing
  /// which was still on its way there is carried out after what is sent from now on. For whoever
  /// overwrites: what it says last is to stand. Needs CLIENT INFO and CLIENT KILL; where Redis does not
  /// permit them the link serves without, and `onProblem` says so.
  public var fencesEarlierLink = false

  public var outputBytesMax = RedisLimits.outputBytesMax
  public var outputBytesLow = RedisLimits.outputBytesLow

  /// Subscriber: a channel that nobody wants stays subscribed this long, so that a client that comes
  /// back at once costs nothing.
  public var unsubscribeDelayMilliseconds: UInt64 = 5_000

  /// Subscriber: a channel that Redis refused is asked for again after this.
  public var refusedRetryMilliseconds: UInt64 = 1_000

  /// Subscriber: after a reconnect the channels are asked for after a wait drawn from 0 to this, so
  /// that many gateways do not come at once.
  public var resubscribeJitterMilliseconds: UInt64 = 100

  public init() {}

  /// A Redis that stops answering at any moment is noticed at the latest after this.
  public var silenceNoticedWithinMilliseconds: UInt64 {
    probeAfterMilliseconds + answerTimeoutMilliseconds + 2 * checkEveryMilliseconds
  }
}
