// The keys of a process's settings as a door: who may come in where there is no database of keys. The
// same limits on failures hold as for an authority, and one object stands for the whole process, so it
// may be asked on any thread: a lock is taken once for each attempt, never for a message.
import EventLoops
public import ServiceSupport

public final class SettingsKeys: Sendable {
  private let keys: APIKeys
  private let limiter: Locked<FailureLimiter>
  private let now: @Sendable () -> UInt64

  public convenience init(_ keys: APIKeys, failures: FailureRules = FailureRules()) {
    // Not a loop's time: several loops ask.
    self.init(keys, failures, now: { EventLoop.monotonicNanoseconds / 1_000_000 })
  }

  /// With another clock (milliseconds), for tests.
  init(_ keys: APIKeys, _ failures: FailureRules, now: @escaping @Sendable () -> UInt64) {
    self.keys = keys
    limiter = Locked(FailureLimiter(failures))
    self.now = now
  }

  /// Whether these open a key; success is the key's id. Over the limit of failures nothing is compared.
  public func authenticate(
    id: String, secret: String, address: ClientAddress
  ) -> Result<String, CredentialFailure> {
    // What can be nobody's id is not counted by its name: it would only fill the table.
    let name = id.utf8.count <= CredentialsLimits.keyIDBytesMax ? id : nil
    let now = now()
    let wait = limiter.withLock { $0.wait(name: name, address: address, now: now) }
    if let wait { return .failure(.tooManyFailures(retryAfterSeconds: Int((wait + 999) / 1_000))) }
    guard keys.match(id: id, secret: secret) != nil else {
      limiter.withLock { $0.failed(name: name, address: address, now: now) }
      return .failure(.invalid)
    }
    if let name { limiter.withLock { $0.succeeded(name: name, address: address, now: now) } }
    return .success(id)
  }
}
