// The database of an authority's tests: rows in a dictionary, and failures when the test says so.
import Caching
import EventLoops
import RedisClient
import ServiceSupport
import TestSupport

@testable import Credentials

/// One thread at a time.
final class FakeDatabase: CredentialDatabase {
  struct Down: Error {}

  struct Session {
    var row: SessionRow
    var isOver = false
  }

  var keys: [String: StoredKey] = [:]
  var sessions: [String: Session] = [:]
  var log: [LogEntry] = []
  var isDown = false
  var questions: [String] = []
  /// Runs in the middle of a look-up: between the question and its answer.
  var during: (() async -> Void)?

  static let user = "2a5aebb9-48c0-5e7a-ac09-c194973cae9e"
  static let account = "00000000-0000-0000-0000-00000000000f"

  func addKey(_ id: String, secret: String, isRevoked: Bool = false) {
    keys[id] = StoredKey(
      digest: SHA256Digest(of: secret), userID: FakeDatabase.user,
      accountID: FakeDatabase.account, isRevoked: isRevoked)
  }

  func write(_ name: String) { log.append(LogEntry(number: Int64(log.count + 1), key: name)) }

  func revoke(_ id: String, logs: Bool = true) {
    keys[id]?.isRevoked = true
    if logs { write("apikey:\(id)") }
  }

  private func asked(_ question: String) async throws {
    questions.append(question)
    if isDown { throw Down() }
    await during?()
  }

  func key(_ id: String) async throws -> StoredKey? {
    let key = keys[id]
    try await asked("key")
    return key
  }

  func session(_ id: String) async throws -> SessionRow? {
    let row = sessions[id].flatMap { $0.isOver ? nil : $0.row }
    try await asked("session")
    return row
  }

  func touch(_ id: String) async throws -> Bool {
    try await asked("touch")
    return sessions[id]?.isOver == false
  }

  func touchAll(_ ids: [String]) async throws -> [String] {
    try await asked("touchAll")
    return ids.filter { sessions[$0]?.isOver != false }
  }

  func open(_ id: String, _ session: StoredSession) async throws -> Int64? {
    try await asked("open")
    guard let key = session.keyID, keys[key]?.isRevoked == false else { return nil }
    sessions[id] = Session(row: SessionRow(session: session, version: 1))
    return 1
  }

  func end(_ id: String, userID: String) async throws -> Int64? {
    try await asked("end")
    guard sessions[id]?.isOver == false, sessions[id]?.row.session.userID == userID else {
      return nil
    }
    sessions[id]!.isOver = true
    write("session:\(id)")
    return 2
  }

  func closedKeys(among ids: [String]) async throws -> [String] {
    try await asked("closedKeys \(ids.count)")
    return ids.filter { keys[$0]?.isRevoked != false }
  }

  func closedSessions(among ids: [String]) async throws -> [String] {
    try await asked("closedSessions \(ids.count)")
    return ids.filter { sessions[$0]?.isOver != false }
  }

  func logged(withinMilliseconds: UInt64, entriesMax: Int) async throws -> [LogEntry] {
    try await asked("logged")
    return Array(log.reversed().prefix(entriesMax))
  }
}

/// An authority on a fake database and a clock of the test's own, without any Redis.
final class AuthorityScene {
  let authority: CredentialAuthority
  let database = FakeDatabase()
  let clock = ManualClock(startingAt: 1_000_000)
  let home = ClientAddress("192.0.2.1")
  private var tickets: UInt64 = 0

  init(_ loop: EventLoop, _ configure: (inout CredentialOptions) -> Void = { _ in }) throws {
    var options = CredentialOptions()
    options.refusalMilliseconds = 0
    configure(&options)
    // Never started: as a Redis that is away.
    let url = try RedisURL("unix:///nowhere")
    let keys = CacheAside(loop: loop, redis: RedisConnection(loop: loop, url: url))
    let sessions = WriteThrough(
      cache: CacheAside(loop: loop, redis: RedisConnection(loop: loop, url: url)),
      logInvalidation: { _ in })
    let clock = clock
    authority = CredentialAuthority(
      loop: loop, keys: keys, sessions: sessions, database: database, feed: nil,
      options: options, now: { clock.nowMilliseconds })
    database.addKey("demo", secret: "demo")
  }

  func close() {
    authority.keys.close()
    authority.sessions.cache.close()
  }

  static func with(
    _ configure: @escaping @Sendable (inout CredentialOptions) -> Void = { _ in },
    _ body: @escaping @Sendable (AuthorityScene) async throws -> Void
  ) async throws {
    try await withLoop { loop in
      let scene = try AuthorityScene(loop, configure)
      defer { scene.close() }
      try await body(scene)
    }
  }

  func authenticate(
    _ id: String = "demo", _ secret: String = "demo", from address: String = "192.0.2.1"
  ) async -> Result<Principal, CredentialFailure> {
    await authority.authenticate(
      PresentedCredentials.key(id: id, secret: secret), address: ClientAddress(address))
  }

  func bearer(_ token: String) async -> Result<Principal, CredentialFailure> {
    await authority.authenticate(PresentedCredentials.bearer(token), address: home)
  }

  /// A stream, and what it was told.
  func open(
    _ presented: PresentedCredentials? = .key(id: "demo", secret: "demo")
  ) async -> Stream {
    tickets += 1
    let stream = Stream(ticket: WatchTicket(number: tickets))
    stream.result = await authority.openStream(stream.ticket, presented, address: home) {
      stream.told.append($0)
    }
    return stream
  }

  final class Stream {
    let ticket: WatchTicket
    var result: Result<Principal, CredentialFailure>?
    var told: [CredentialFailure] = []
    init(ticket: WatchTicket) { self.ticket = ticket }
  }
}

extension Result where Success == Principal {
  var principal: Principal? { try? get() }
}
