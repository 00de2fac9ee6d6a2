// The streams that are open under some key or session. A stream is entered before its credentials are
// looked up: a revocation that arrives in between must find it.

/// What a key or session is called in the caches and in the invalidation log.
struct CredentialName: Hashable, Sendable, CustomStringConvertible {
  enum Kind: Sendable { case key, session }
  var kind: Kind
  var id: String

  var description: String { kind == .key ? "apikey:\(id)" : "session:\(id)" }

  init(_ kind: Kind, _ id: String) {
    self.kind = kind
    self.id = id
  }

  /// Nil for keys of the cache that are nobody's credentials.
  init?(_ text: String) {
    if text.hasPrefix("apikey:") {
      self.init(.key, String(text.dropFirst(7)))
      guard PresentedCredentials.isKeyID(id) else { return nil }
    } else if text.hasPrefix("session:") {
      self.init(.session, String(text.dropFirst(8)))
      guard PresentedCredentials.isKeyID(id) else { return nil }
    } else {
      return nil
    }
  }
}

/// Names one stream, for as long as it is open.
public struct WatchTicket: Hashable, Sendable {
  let number: UInt64
}

struct Watches {
  private struct Entry {
    var name: CredentialName
    /// Credentials are being looked up; a revocation is remembered, not told.
    var isPending = true
    var isRevoked = false
    var revoked: (CredentialFailure) -> Void
  }

  private let watchesMax: Int
  private var entries: [WatchTicket: Entry] = [:]
  private var tickets: [CredentialName: Set<WatchTicket>] = [:]

  init(watchesMax: Int = CredentialsLimits.watchesMax) { self.watchesMax = watchesMax }

  var count: Int { entries.count }

  /// False when there is no room.
  mutating func begin(
    _ ticket: WatchTicket, _ name: CredentialName,
    revoked: @escaping (CredentialFailure) -> Void
  ) -> Bool {
    guard entries.count < watchesMax else { return false }
    entries[ticket] = Entry(name: name, revoked: revoked)
    tickets[name, default: []].insert(ticket)
    return true
  }

  enum Confirmation { case open, revoked, gone }

  /// The credentials are good: from now on a revocation is told. Unless it came meanwhile, or the
  /// stream is gone.
  mutating func confirm(_ ticket: WatchTicket) -> Confirmation {
    guard let entry = entries[ticket] else { return .gone }
    guard !entry.isRevoked else {
      remove(ticket)
      return .revoked
    }
    entries[ticket]!.isPending = false
    return .open
  }

  mutating func remove(_ ticket: WatchTicket) {
    guard let entry = entries.removeValue(forKey: ticket) else { return }
    tickets[entry.name]?.remove(ticket)
    if tickets[entry.name]?.isEmpty == true { tickets[entry.name] = nil }
  }

  func holds(_ name: CredentialName) -> Bool { tickets[name] != nil }

  func names(_ kind: CredentialName.Kind) -> [String] {
    tickets.keys.lazy.filter { $0.kind == kind }.map(\.id)
  }

  /// Takes out the streams under `name`; gives whom to tell.
  mutating func revoke(_ name: CredentialName) -> [(CredentialFailure) -> Void] {
    var calls: [(CredentialFailure) -> Void] = []
    for ticket in tickets[name] ?? [] {
      guard let entry = entries[ticket] else { continue }
      if entry.isPending {
        entries[ticket]!.isRevoked = true
      } else {
        calls.append(entry.revoked)
        remove(ticket)
      }
    }
    return calls
  }
}
