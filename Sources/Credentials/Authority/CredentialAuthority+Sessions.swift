// Opening and ending sessions.
import Caching
import EventLoops
public import ServiceSupport

/// A session just opened. The bearer token is shown once and kept nowhere.
public struct OpenedSession: Sendable {
  public let id: String
  /// `<id>.<secret>`, for `Authorization: Bearer`.
  public let bearer: Secret
  /// It ends when it was not used for so long.
  public let idleSeconds: Int
}

/// Why no session was opened or ended.
public enum SessionRefusal: Error, Hashable, Sendable, CustomStringConvertible {
  /// Only a key opens sessions: a session that could open others would never end.
  case needsKey
  /// The key was revoked meanwhile.
  case revoked
  /// No open session of this user has the id.
  case notFound
  /// Postgres cannot say. A session may have been opened; nobody has its secret, and it ends unused.
  case unavailable

  public var description: String {
    switch self {
    case .needsKey: "a session is opened with an API key"
    case .revoked: "the key was revoked"
    case .notFound: "session not found"
    case .unavailable: "sessions cannot be written now"
    }
  }
}

extension CredentialAuthority {
  /// Opens a session for who presented a key. At most 100 of a user are open: the one seen longest
  /// ago ends.
  public func createSession(
    for principal: Principal
  ) async throws(SessionRefusal) -> OpenedSession {
    loop.preconditionInLoop()
    guard let key = principal.keyID, principal.sessionID == nil else { throw .needsKey }
    let id = RandomText.make(bytes: CredentialsLimits.sessionIDBytes)
    let secret = RandomText.make(bytes: CredentialsLimits.secretBytes)
    let session = StoredSession(
      digest: SHA256Digest(of: secret), userID: principal.userID, accountID: principal.accountID,
      keyID: key)
    let database = database
    do {
      _ = try await sessions.write("session:\(id)", CachePolicies.session) {
        guard let version = try await database.open(id, session) else {
          throw SessionRefusal.revoked
        }
        return VersionedValue(version: version, bytes: session.encode())
      }
    } catch let refusal as SessionRefusal {
      throw refusal
    } catch {
      problem("a session could not be opened: \(error)")
      throw .unavailable
    }
    _ = lastSeen.isDue(id, now: now())  // the row is new: it has been seen
    return OpenedSession(
      id: id, bearer: Secret("\(id).\(secret)"),
      idleSeconds: Int(CachePolicies.session.ttlMilliseconds / 1_000))
  }

  /// Ends a session of the principal's user, however the principal showed itself. Its open streams are
  /// closed, here at once and in other processes when they hear of it.
  public func endSession(_ id: String, by principal: Principal) async throws(SessionRefusal) {
    loop.preconditionInLoop()
    guard PresentedCredentials.isSessionID(id) else { throw .notFound }
    let database = database
    let user = principal.userID
    do {
      _ = try await sessions.write("session:\(id)", CachePolicies.session) {
        guard let version = try await database.end(id, userID: user) else {
          throw SessionRefusal.notFound
        }
        return VersionedValue(version: version, bytes: nil)
      }
    } catch let refusal as SessionRefusal {
      throw refusal
    } catch {
      problem("a session could not be ended: \(error)")
      throw .unavailable
    }
    lastSeen.forget(id)
    revokeStreams(CredentialName(.session, id))
  }
}
