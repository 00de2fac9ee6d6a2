// What the results of a connection in pipeline mode mean, as a pure machine.
//
// libpq (manual 34.5): each statement gives its results in the order of sending, and a null pointer
// after each; a sync gives PGRES_PIPELINE_SYNC without a null pointer. After an error everything up to
// the next sync gives PGRES_PIPELINE_ABORTED.
//
//   entry = [prepare] execute [sync], first to last:  result, null  |  result, null  |  sync
//
// An entry is over at its sync, not at its rows: a statement outside a transaction commits there, so
// an error (a deferred constraint) can still come between. Only BEGIN has no sync of its own: it
// shares the one of the statement behind it.

struct PipelineStateMachine {
  typealias ID = UInt32

  struct Entry: Equatable {
    let id: ID
    /// The name that is prepared on the way.
    var prepares: String?
    /// The name that an earlier entry, not answered yet, prepares.
    var relies: String?
    let hasSync: Bool
    let sentAt: UInt64
  }

  enum Result: Equatable {
    case success
    case error(sqlState: String)
    case aborted
  }

  enum Action: Equatable {
    case none
    /// The result is this entry's.
    case take(ID)
    /// An earlier statement of the same sync failed, so this one was skipped.
    case skip(ID)
    /// The result is an error since `name` was not prepared: the entry failed as that preparing did.
    case takeFailedPrepare(ID, name: String)
    case finish(ID)
    case violated(String)
  }

  private enum Step { case prepare, execute, sync }

  private var entries = Fifo<Entry>()
  private var step = Step.execute
  /// The step's result has come, its null pointer has not.
  private var isOpen = false
  /// The head has its error already: what is aborted behind it says nothing new.
  private var headFailed = false
  /// Null pointers in a row that belonged to nothing.
  private var strayEnds = 0
  /// When the server could begin with the head, as far as is known here.
  private(set) var headSince: UInt64 = 0
  /// Names that are prepared, or are being prepared by an entry under way (false).
  private var prepared: [String: Bool] = [:]

  var count: Int { entries.count }
  var isEmpty: Bool { entries.isEmpty }
  var oldestSentAt: UInt64? { entries.first?.sentAt }
  var preparedCount: Int { prepared.count }

  func headAge(now: UInt64) -> UInt64 { isEmpty || now < headSince ? 0 : now - headSince }

  /// Whether `name` has to be prepared on this connection before it is executed.
  func mustPrepare(_ name: String) -> Bool { prepared[name] == nil }

  /// Books a statement that is sent now. `name` nil: sent without preparing.
  mutating func sent(_ id: ID, name: String?, hasSync: Bool, now: UInt64) {
    var entry = Entry(id: id, hasSync: hasSync, sentAt: now)
    if let name {
      switch prepared[name] {
      case nil:
        entry.prepares = name
        prepared[name] = false
      case false?: entry.relies = name
      case true?: break
      }
    }
    entries.append(entry)
    if entries.count == 1 { begin(now: now) }
  }

  private mutating func begin(now: UInt64) {
    step = entries.first?.prepares == nil ? .execute : .prepare
    isOpen = false
    headFailed = false
    headSince = now
  }

  mutating func received(_ result: Result) -> Action {
    strayEnds = 0
    guard let head = entries.first else { return .violated("a result that nothing asked for") }
    guard !isOpen else { return .violated("two results of one statement") }
    isOpen = true
    switch (step, result) {
    case (.prepare, .success):
      if let name = head.prepares { prepared[name] = true }
      return .none
    case (.prepare, .error), (.prepare, .aborted):
      if let name = head.prepares { prepared[name] = nil }
      return failed(head, result)
    case (.execute, .success): return .take(head.id)
    case (.sync, .success): return .violated("rows where a sync was due")
    case (.execute, .error(let state)):
      headFailed = true
      // invalid_sql_statement_name: the entry that should have prepared it failed.
      if state == "26000", let name = head.relies { return .takeFailedPrepare(head.id, name: name) }
      return .take(head.id)
    case (.execute, _), (.sync, _): return failed(head, result)
    }
  }

  private mutating func failed(_ head: Entry, _ result: Result) -> Action {
    if headFailed, result == .aborted { return .none }
    headFailed = true
    return result == .aborted ? .skip(head.id) : .take(head.id)
  }

  /// PQgetResult gave a null pointer.
  mutating func ended(now: UInt64) -> Action {
    guard let head = entries.first, isOpen else {
      strayEnds += 1
      // libpq gives one when it goes on to the next statement; a third would be an endless loop.
      return strayEnds > 2 ? .violated("no result where one was due") : .none
    }
    isOpen = false
    switch step {
    case .prepare: step = .execute
    case .execute where head.hasSync: step = .sync
    case .execute:
      finished(now: now)
      return .finish(head.id)
    case .sync: break
    }
    return .none
  }

  mutating func synced(now: UInt64) -> Action {
    strayEnds = 0
    guard let head = entries.first, step == .sync else {
      return .violated("a sync where a result was due")
    }
    finished(now: now)
    return .finish(head.id)
  }

  private mutating func finished(now: UInt64) {
    _ = entries.popFirst()
    if !entries.isEmpty { begin(now: now) }
  }

  /// Whether the server works at one statement for `limit` or longer.
  func isOverdue(now: UInt64, limit: UInt64) -> Bool { !isEmpty && headAge(now: now) >= limit }

  /// Entries sent `limit` ago or earlier, oldest first.
  func expired(now: UInt64, limit: UInt64) -> [ID] {
    entries.prefix { $0.sentAt + limit <= now }.map(\.id)
  }

  /// Forgets everything; returns what was under way, oldest first.
  mutating func removeAll() -> [Entry] {
    prepared = [:]
    return entries.removeAll()
  }
}
