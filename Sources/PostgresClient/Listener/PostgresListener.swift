public import EventLoops

/// LISTEN on a connection of its own, which it makes again when it is lost. Create, use and `close`
/// it on its loop's thread. What was notified while `onLost` held is lost: read the state anew after
/// `onListening`.
public final class PostgresListener {
  public let loop: EventLoop
  public let location: PostgresLocation

  /// A notification, in the order of the server's commits. `payload` is empty when there is none.
  public var onNotify: ((_ channel: String, _ payload: String) -> Void)?
  /// Every LISTEN is acknowledged, first or again: what is committed from now on is notified.
  public var onListening: (() -> Void)?
  /// The connection that listened is gone.
  public var onLost: ((PostgresDown) -> Void)?
  /// An attempt to connect failed; the next one comes by itself.
  public var onAttemptFailed: ((PostgresDown) -> Void)?

  /// Does nothing before `start`.
  public init(
    loop: EventLoop, location: PostgresLocation, channels: [String],
    options: PostgresOptions = PostgresOptions(),
    random: any RandomNumberGenerator = SystemRandomNumberGenerator()
  ) {
    self.loop = loop
    self.location = location
  }

  public func start() {}

  /// Ends it for good; nothing is left open and no callback comes after it.
  public func close() {}

  public var isListening: Bool { false }
}
