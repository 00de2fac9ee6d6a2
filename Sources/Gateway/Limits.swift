import FanOut
import WebTransport

/// The bounds of this target, each with the arithmetic that chose it.
package enum GatewayLimits {
  /// What is shown is never older than 2,000 ms without a notice: 1,500 ms of silence, 100 ms until the
  /// next check, 10 ms until the flush, and 390 ms for a machine that is busy. The silence counts from
  /// when the last heartbeat was made, which is after everything that was published before it. A feed
  /// sends one each 250 ms, so six in a row must be missing.
  package static let heartbeatAgeMaxMilliseconds: UInt64 = 1_500
  package static let heartbeatCheckMilliseconds: UInt64 = 100

  /// Clocks of two machines drift apart by less than 0.1 %: 0.25 ms between two heartbeats.
  static let clockDriftMilliseconds: Int64 = 1

  /// Heartbeats that waited on their way come at once; those of a clock that was set back come each 250
  /// ms, less what a loaded machine makes of it. After 8 of these, 2 s, it is another clock.
  static let heartbeatPaceMilliseconds: UInt64 = 100
  static let heartbeatsLateMax = 8

  /// A probe each 250 ms, given up after 1,000 ms. The newest that came back left at most 250 ms ago
  /// plus its way, so at 1,250 ms one was lost or late: with the check `/readyz` says so after 1.35 s.
  package static let probeMilliseconds: UInt64 = 250
  package static let probeAnswerMilliseconds: UInt64 = 1_000
  package static let probeAgeMaxMilliseconds: UInt64 = 1_250
  /// A round trip below this says that Redis delivers without delay.
  static let probePromptMilliseconds: UInt64 = 250

  /// Quiet topics' keys are read again, a tenth of them with each check, so each about once a second: a
  /// value lost on its channel is shown after 0.4 to 1.5 s. At the most 2,000 GETs a check: 20,000/s of
  /// 1 us each are 2 % of Redis' core a loop; more than 20,000 quiet topics take longer.
  package static let verifyQuietMilliseconds: UInt32 = 400
  static let verifySlices = 10
  static let verifyReadsPerCheckMax = 2_000

  /// Between the end of a flush and the next one under load; an update after a quiet period leaves
  /// at once. Measured: 1.66 CPU s per million deliveries at 1 ms, 1.2 at 10 ms.
  package static let flushIntervalMilliseconds: UInt64 = 10

  /// A client that has not authenticated by then gets 404 and is closed (wire contract A.3).
  package static let authenticationMilliseconds: UInt64 = 10_000

  /// A frame that has not wholly left for this long: 407 and close.
  package static let unwritableMillisecondsMax: UInt64 = 10_000

  /// The distributor's usual bound of a frame.
  package static let frameBytesUsual = FanOutLimits().frameBytesMax

  /// A frame that follows another in the same turn may have twice its size up to here: an empty socket
  /// takes it whole (`sendBufferBytes`, doubled).
  package static let frameBytesGrownMax = 65_536

  /// A client's session (200 B), its places in tables (24 B) and the distributor's record (64 B).
  package static let sessionBytes = 512

  /// One subscription in the distributor, at the most (`FanOutLimits`).
  package static let subscriptionBytes = 72

  /// What a client that reads nothing costs the process and the kernel at the most: 88 KiB,
  /// and 72 B for each name it holds, so below 96 KiB with 100 names; then nothing more, for it holds
  /// positions in rings and not messages. One frame of the usual size is kept by libwebsockets, with its
  /// header. Besides, for as long as they do not leave: an acknowledgement, which lists what it holds;
  /// for a client that wants a frame an interval, that frame (256 KiB); TLS' own.
  /// After 10 s it gets 407, and 5 s later nothing is left.
  // For 100 names: 97312 bytes, which Tests/AcceptanceTests/test_slow_clients.py measures.
  package static func memoryOfSilentClient(subscriptions: Int) -> Int {
    WebTransportLimits.kernelBytesOfSilentClient  // 68 KiB
      + frameBytesUsual + 512  // 16 KiB, its header and malloc's
      + WebTransportLimits.connectionBytes  // 3 KiB
      + sessionBytes
      + subscriptions * subscriptionBytes
  }

  /// How often sessions are looked through for the two deadlines above.
  package static let sessionSweepMilliseconds: UInt64 = 500

  /// Of those that are due for 407 a sweep ends a tenth, and at least 40. A client that comes back takes
  /// 0.5 ms of the loop: 1,000 that got stuck together take 10 % of it at first, not all of it for half a
  /// second. The last of them is ended after 20 s, of 10,000 after 31 s, and none costs more meanwhile.
  static let slowClosesPerSweepMin = 40
  static let slowClosesShare = 10

  /// Subscriptions (symbol x channel) of one client; the whole US market is about 12,000 symbols,
  /// here with four channels of it. Over it: 405, the subscriptions stay as they were.
  package static let subscriptionsPerClientMax = 50_000

  /// Clients that are told to come back spread their connects over at least their number divided by
  /// this: three quarters of what a loop takes in a second, the rest for those who come anyway. 10,000
  /// clients are back within the 8 s of a drain, over TLS within 14 s. See `DrainSchedule`.
  package static func reconnectsPerSecondMax(isSecure: Bool) -> UInt64 {
    UInt64(WebTransportLimits.acceptsPerSecond(isSecure: isSecure)) * 3 / 4
  }
  /// A drain looks each so often at who is due, and tells so many at most: 50,000 are told within a
  /// second, at 5 us each, so that a tick does not keep data waiting for more than 3 ms.
  static let drainTickMilliseconds: UInt64 = 10
  static let goodbyesPerTickMax = 500
  /// `--drain-seconds` of a gateway: with the closing that follows within the 10 s that Docker gives
  /// a container by default (Kubernetes: 30 s, systemd: 90 s).
  package static let drainSeconds = 8
  package static let drainSecondsMax = 600

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
