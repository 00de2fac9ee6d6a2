/// The bounds of this target, each with the arithmetic that chose it.
public enum EventLoopLimits {
  /// Jobs run before the loop looks at its sockets again. A job without a suspension costs about
  /// 0.2 us, so 4,096 of them keep I/O waiting for about 1 ms. The rest runs in the next turn.
  public static let jobsPerTurnMax = 4_096

  /// Rounds of turn-end observers in one turn. A flush may cause another one (a Redis reply that
  /// fills a socket's buffer); whatever asks for more than this waits for the next turn.
  public static let turnEndRoundsMax = 4

  /// Host names looked up at a time in the process, a thread each. A name server that does not answer
  /// holds a thread for 5 to 30 s while a link tries again each second. Above: the attempt fails.
  static let hostLookupsMax = 16

  /// Addresses tried per host name.
  public static let addressesMax = 16
}
