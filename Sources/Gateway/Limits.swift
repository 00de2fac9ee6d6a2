import WebTransport

/// The bounds of this target, each with the arithmetic that chose it.
package enum GatewayLimits {
  /// A feed sends a heartbeat each 250 ms; six in a row must be missing. With one check each 100 ms
  /// a subscriber is told 1.6 s after the last sign of life, below the promised 2 s.
  package static let heartbeatAgeMaxMilliseconds: UInt64 = 1_500
  package static let heartbeatCheckMilliseconds: UInt64 = 100

  /// Between the end of a flush and the next one under load; an update after a quiet period leaves
  /// at once. Measured: 1.66 CPU s per million deliveries at 1 ms, 1.2 at 10 ms.
  package static let flushIntervalMilliseconds: UInt64 = 10

  /// A client that has not authenticated by then gets 404 and is closed (wire contract A.3).
  package static let authenticationMilliseconds: UInt64 = 10_000

  /// A frame that has not wholly left for this long: 407 and close.
  package static let unwritableMillisecondsMax: UInt64 = 10_000

  /// How often sessions are looked through for the two deadlines above.
  package static let sessionSweepMilliseconds: UInt64 = 500

  /// Subscriptions (symbol x channel) of one client; the whole US market is about 12,000 symbols,
  /// here with four channels of it. Over it: 405, the subscriptions stay as they were.
  package static let subscriptionsPerClientMax = 50_000

  /// Bytes of the names in one acknowledgement, which lists all that a client holds, trades three
  /// times on the stock path: the rest of 1 KiB is channel names and brackets. The official SDK
  /// takes messages up to 1 MiB, and the transport sends none above it. Over it: 405, as above.
  package static let acknowledgedNamesBytesMax = WebTransportLimits.controlMessageBytesMax - 1_024

  /// Topics of one loop: 12,000 symbols x 4 channels x 2, rounded up. Each costs one SSUBSCRIBE and
  /// about 300 bytes before its first message. Over it: 405.
  package static let topicsMax = 100_000

  /// Stale notices for one new subscriber in one frame: 100 of up to 120 bytes are 12 KB, below a
  /// frame of data's 16 KiB.
  package static let noticesPerFrameMax = 100

  /// What a client says while its credentials are looked up: `auth` and `subscribe` sent together, with
  /// some unsubscribes. Over it: 401, as if it had not been held back.
  package static let heldMessagesMax = 16
  package static let heldBytesMax = 65_536
  /// Of all clients of a loop: 256 such clients at once, while a usual subscribe has 1 KiB.
  package static let heldBytesOfLoopMax = 16 << 20

  /// Connections of one key (or one user's sessions) in this process: a quarter of a loop's 65,536, so
  /// that no key alone takes the places of all others. What a key is sold is the operator's choice
  /// (`--connections-per-key`; the real service: 1). Over it: 406 and close, the others stay.
  package static let connectionsPerKeyMax = 16_384

  /// Names held by all connections of one key in this process: a quarter of a loop's 2^24 records;
  /// at 282 B at the most for each (below) 1.2 GB, at the usual 50 names x 3 channels for each of
  /// its 16,384 connections 2.5 million. Over it: 405, the subscriptions stay as they were.
  package static let subscriptionsPerKeyMax = 1 << 22

  /// Messages of one client: the official SDK says `auth`, then all its channels again for each
  /// `subscribe` of the user, one message for each channel of an `unsubscribe`. A program that adds
  /// 250 symbols one by one at its start still fits; then 32 a second. Over it: 429 and close.
  package static let messageRate = RateRule(burst: 256, perSecond: 32)

  /// Their bytes, and those of the acknowledgements that they ask for. 6,000 symbols on each of six
  /// channels are named again for each channel added: 48 to 288 KB said and 144 to 336 KB answered,
  /// 2.5 MB together. 1 MiB of JSON takes a loop about 10 ms: one client at the limit costs 1 % of it
  /// for ever, and 160 ms at once. Over it: as above.
  package static let messageBytesRate = RateRule(burst: 16 << 20, perSecond: 1 << 20)

  /// The longest `interval_ms`: a minute, which no TTL, heartbeat or ping hangs on.
  package static let intervalMillisecondsMax: UInt64 = 60_000
  /// Half a flush interval: no client waits longer for its turn on account of it.
  package static let intervalTickMilliseconds: UInt64 = 5
  /// One turn of the wheel: the first frame comes after 1.25 intervals, 75 s, and the loop may not have
  /// looked for as long: 150 s are 30,000 ticks. 4 B each and a bit: 132 KiB a loop.
  package static let intervalSlots = 32_768

  /// Values read for snapshots at once, of all clients of a loop; as with joins, 2 MB of answers. The
  /// others wait for their turn.
  package static let snapshotReadsMax = 2_000
  /// Snapshots in one frame: a frame of data.
  package static let snapshotFrameBytes = 16_384
}
