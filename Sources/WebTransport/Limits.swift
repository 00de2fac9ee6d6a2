/// The bounds of this target, each with the arithmetic that chose it. What a deployment may change is
/// a field of `WebServerConfiguration`, with these as defaults.
public enum WebTransportLimits {
  /// Connections of one loop. Idle WebSockets cost about 3 KB of process memory and two sockets'
  /// worth of kernel memory each, so 50,000 are 150 MB; the descriptor limit is usually met first.
  public static let connectionsMax = 50_000

  /// Accepts before the loop looks at other sockets: at 25 us an adoption 64 keep it for 1.6 ms.
  static let acceptsPerTurnMax = 64

  /// Pause after accept said EMFILE or ENFILE. Shorter would only spin: a descriptor comes free when
  /// a client leaves.
  static let acceptPauseMilliseconds: UInt64 = 250

  /// Connections that wait for a place in the kernel, the usual net.core.somaxconn.
  static let listenBacklog: Int32 = 4_096

  /// Connections that a loop takes each second when more come: 2,000 with accept, handshake and the
  /// dialogue to the first subscription, about 100 us, are a fifth of a core; the other four go on
  /// serving who is there. Over TLS a handshake is 0.3 ms more, and 1,000 are two fifths.
  public static func acceptsPerSecond(isSecure: Bool) -> Int { isSecure ? 1_000 : 2_000 }

  /// Taken at once before the rate counts: as many as the kernel's queue holds, so that who waited there
  /// for a busy loop is not refused. 10,000 clients that come back after a deployment all in the same
  /// moment are in after 3 s, plain, and after 6 s over TLS; spread by the drain none is refused.
  public static let acceptBurst = 4_096

  /// The longest Retry-After of a 503 for the accept rate: 60,000 clients at the default rate. More
  /// would come to a server that has been idle for long.
  static let retryAfterSecondsMax = 30

  /// Entries of the list of allowed origins, which is looked up by hash.
  static let originsMax = 256

  /// The kernel may hold this much that a client has not acknowledged: on a way of 100 ms 640 KB a
  /// second, or 4,000 updates. (Linux doubles it for its bookkeeping.)
  static let sendBufferBytes: Int32 = 64 * 1_024

  /// The kernel begins another segment only below this much unsent, so a frame is built as late as
  /// possible. What counts for a client that stops reading, see `kernelBytesOfSilentClient`.
  static let notSentLowWaterBytes: Int32 = 4 * 1_024

  /// The largest segment that the kernel fills before it asks for the bounds above (GSO_MAX_SIZE).
  static let segmentBytesMax = 64 * 1_024

  /// What the kernel holds for a client that has stopped reading, whatever its receive buffer: all that
  /// went out before is acknowledged and lies with the client; unsent is less than the low water and
  /// one segment. Measured over receive buffers from 4 KiB to 1 MiB and frames from 300 bytes to 64
  /// KiB: 4 to 66 KiB. While a client still acknowledges it may be up to 160 KiB for a moment. With
  /// `sendBufferBytes` of 16 or 32 KiB these figures are the same, only that moment's is smaller.
  public static let kernelBytesOfSilentClient = Int(notSentLowWaterBytes) + segmentBytesMax

  /// The process's memory of an idle WebSocket, lws' and ours: measured 2.1 KB. TLS comes on top.
  public static let connectionBytes = 3 * 1_024

  /// Bytes of WebSocket input per callback and per connection; lws keeps a buffer of this size for
  /// each. 512 instead of the default 4,096 saves 3.5 KB a connection; clients send little.
  static let receivePieceBytes = 512

  /// lws cuts a write after this much and keeps the rest until the socket is writable: above the
  /// largest data frame (256 KiB), so that one send call per frame is the rule.
  static let transmitPieceBytes = 256 * 1_024

  /// Bytes that lws writes its frame header into, before a payload (LWS_PRE).
  public static let frameHeadroomBytes = 16

  /// A request line and headers over this are answered 431. Browsers and SDKs send under 2 KiB.
  public static let headBytesMax = 8 * 1_024

  /// Header tables at once: one per connection that is sending a request head. 4,096 of 10 KiB are
  /// 40 MiB at worst. More connections wait until one comes free; the head timeout sees to that.
  static let headTablesMax = 4_096

  /// A request body over this is answered 413. Watchlists with 1,000 symbols are 16 KiB.
  public static let bodyBytesMax = 64 * 1_024

  /// After an error answer the rest of a request is read and dropped up to here before the
  /// connection closes: unread bytes at a close make the kernel send a reset, which can overtake the
  /// answer.
  static let discardedBytesMax = 1_024 * 1_024

  /// The body of an answer is handed over in pieces of this size, so that lws never keeps more
  /// than one unsent piece per connection.
  static let responsePieceBytes = 64 * 1_024

  /// Requests waiting for an asynchronous handler, per loop; more are answered 503 at once. With
  /// 5 ms a handler 1,024 pending ones are 200,000 requests/s.
  public static let pendingRequestsMax = 1_024

  /// A whole WebSocket message from a client, reassembled (wire contract A.3).
  public static let messageBytesMax = 1_024 * 1_024

  /// Unfinished messages of all clients of a loop together: 64 clients may send 1 MiB each at once.
  /// Above it the client that asks for more is closed with 1013.
  static let assemblyBytesMax = 64 * 1_024 * 1_024

  /// Buffers for unfinished messages kept for reuse, each at most `assemblyKeptBytesMax`: 1 MiB.
  static let assembliesKeptMax = 64
  static let assemblyKeptBytesMax = 16 * 1_024

  /// Control messages (acknowledgements, errors) that wait for a frame under way: 64 KiB are 1,000
  /// errors. One message alone may be as large as `controlMessageBytesMax`.
  static let controlQueueBytesMax = 64 * 1_024

  /// The official SDK takes messages up to 1 MiB; an acknowledgement of all of 65,536 symbols of 14
  /// bytes still fits.
  public static let controlMessageBytesMax = 1_024 * 1_024 - 1_024

  /// Lines given to the log callback per second; the rest is counted and told with the next one.
  static let logLinesPerSecondMax = 10

  /// The sweep looks at every connection this often: 50,000 records of 200 bytes are 10 MB a second.
  static let sweepMilliseconds: UInt64 = 1_000

  /// A connection that is closing is cut off after this: twice lws' own 5 s for a flush.
  static let closeMilliseconds: UInt64 = 12_000

  /// A WebSocket is cut off this long after our end of it was closed: a peer that has had its close frame need only
  /// hang up, and what it sends until then is dropped.
  static let lingerMilliseconds: UInt64 = 2_000

  /// Pings of one connection that are answered one by one when they come in one turn of the loop; of
  /// more the last one is. A read has at most 88, and each answer is a send: 16 cost 80 us.
  static let pongsMax = 16

  /// Reads of 16 KiB that are dropped at once of what comes over TLS behind a breach: 2 MiB, the largest
  /// message twice. Who sends faster than it is decrypted is hung up on.
  static let droppedReadsMax = 128

  /// How long a client may take to read an error answer whose request body is dropped.
  static let discardMilliseconds: UInt64 = 3_000

  /// A URL to connect to: libwebsockets writes a request line of at most 2,048 bytes.
  static let clientURLBytesMax = 1_500

  /// A host name to connect to: libwebsockets checks certificates against its first 127 bytes.
  static let clientHostBytesMax = 110

  /// Headers of ours in an upgrade; what libwebsockets writes itself has about 300 bytes.
  static let clientHeadersBytesMax = 2 * 1_024

  /// Client connections of one loop, with those that are still being closed. One is in use; a
  /// reconnect each second over a peer that keeps its end open for 2 s makes it three.
  static let clientSocketsMax = 16

  /// Bytes of WebSocket input per callback and connection of a client: there are few of them and much
  /// comes, so 16 KiB, one TLS record.
  static let clientReceivePieceBytes = 16 * 1_024

  /// A file of a certificate with its chain, or of a key: a chain of ten has 20 KiB.
  static let certificateFileBytesMax = 1 << 20

  /// Where Debian and its kin keep the authorities that the machine believes.
  public static let systemCertificatesPath = "/etc/ssl/certs/ca-certificates.crt"

  /// Looks of 5 ms each at whether a client's last connection is gone, after its context was destroyed:
  /// one second.
  static let clientCloseTicksMax = 200
}
