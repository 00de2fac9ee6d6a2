import Credentials
import FanOut
import MarketData
import WebTransport

/// One WebSocket of a loop: who it is and how far the dialogue is. Kept in an array by the
/// connection's index.
struct StreamSession {
  enum Stage: UInt8 {
    case connected
    /// Its credentials are being looked up; what it says meanwhile is held back.
    case authenticating
    case authenticated
    /// An error that ends the session has been sent.
    case ended
  }

  let connection: ConnectionID
  let client: ClientHandle
  let path: AssetClass
  let encoding: ClientEncoding
  var stage = Stage.connected
  /// Loop milliseconds.
  let openedAt: UInt64
  /// Where its failures are counted.
  let address: ClientAddress
  /// What it may still say, in messages and in bytes.
  var messageTokens = TokenBucket()
  var byteTokens = TokenBucket()
  /// Where its connection and names are counted; nil until it is authenticated.
  var usage: KeyUsage.Entry?
  /// Names claimed there.
  var claimed = 0
  /// What the names held take in an acknowledgement; see `SubscriptionLists.bytes`.
  var namesBytes = 0
  /// Since when a frame has been waiting to leave wholly; 0 when none is.
  var blockedAt: UInt64 = 0

  /// Under which the authority watches its credentials; nil without an authority.
  var ticket: WatchTicket?

  /// Event topics that were stale when they were subscribed to: still to be told.
  var owedNotices: [TopicID] = []

  /// Between its frames, as it chose; 0: none.
  var intervalMilliseconds: UInt64 = 0

  /// Topics whose newest event it asked for, and how many of them have been dealt with.
  var owedSnapshots: [OwedSnapshot] = []
  var snapshotsTold = 0

  var opcode: WebSocketOpcode { encoding == .json ? .text : .binary }
}

/// The sessions of one loop, found by connection or by client.
struct StreamSessions {
  private var byConnection: [StreamSession?] = []
  private var connections: [ConnectionID?] = []
  private(set) var count = 0

  mutating func add(_ session: StreamSession) {
    let index = Int(session.connection.index)
    while byConnection.count <= index { byConnection.append(nil) }
    byConnection[index] = session
    let client = Int(session.client.index)
    while connections.count <= client { connections.append(nil) }
    connections[client] = session.connection
    count += 1
  }

  mutating func remove(_ connection: ConnectionID) -> StreamSession? {
    guard let session = self[connection] else { return nil }
    byConnection[Int(connection.index)] = nil
    connections[Int(session.client.index)] = nil
    count -= 1
    return session
  }

  subscript(connection: ConnectionID) -> StreamSession? {
    let index = Int(connection.index)
    guard index < byConnection.count, let session = byConnection[index],
      session.connection == connection
    else { return nil }
    return session
  }

  mutating func update(_ connection: ConnectionID, _ body: (inout StreamSession) -> Void) {
    guard self[connection] != nil else { return }
    body(&byConnection[Int(connection.index)]!)
  }

  /// The connection that serves a client of the distributor.
  func connection(of client: ClientHandle) -> ConnectionID? {
    let index = Int(client.index)
    guard index < connections.count, let connection = connections[index],
      byConnection[Int(connection.index)]?.client == client
    else { return nil }
    return connection
  }

  /// All sessions; `body` must not add or remove any.
  func forEach(_ body: (StreamSession) -> Void) {
    for case let session? in byConnection { body(session) }
  }
}
