// One loop's way to an authority that lives on another loop (or the same). A question hops there, its
// answer hops back; a revocation comes as a hop of its own, never before the answer that let the stream
// in, since both are handed over by the authority's thread in order.
//
// `@unchecked Sendable`: `authority` is touched on its own loop only, `next` and `isShutDown` on the
// asking loop only. `stopped` belongs to the authority's loop.
public import EventLoops

/// Hands an authority to other loops. `@unchecked Sendable`: it is opened on the authority's loop only.
public final class CredentialGate: @unchecked Sendable {
  let loop: EventLoop
  let authority: CredentialAuthority
  /// Tickets are unique in an authority; counted on its loop, a block for each client.
  private let clients = Locked<UInt64>(0)

  public init(_ authority: CredentialAuthority) {
    authority.loop.preconditionInLoop()
    loop = authority.loop
    self.authority = authority
  }

  func nextClient() -> UInt64 {
    clients.withLock { count in
      count += 1
      return count
    }
  }
}

public final class CredentialClient: @unchecked Sendable {  // see the file's first comment
  private let gate: CredentialGate
  private let loop: EventLoop
  private let number: UInt64
  private var next: UInt64 = 0
  private var isShutDown = false
  /// On the authority's loop: nothing is handed back any more.
  private var stopped = false

  /// Create and use it on `loop`'s thread; `shutDown` before that loop stops and before the authority
  /// closes.
  public init(_ gate: CredentialGate, loop: EventLoop) {
    loop.preconditionInLoop()
    self.gate = gate
    self.loop = loop
    number = gate.nextClient()
  }

  /// Asks whether a stream may open. `answer` comes once, on this loop, later than this call returns;
  /// after a success `revoked` may come, once. Neither comes after `closeStream` of the ticket but for
  /// what is on its way already: the caller looks whether its connection is still there.
  public func openStream(
    _ presented: PresentedCredentials?, address: ClientAddress,
    answer: @escaping @Sendable (Result<Principal, CredentialFailure>) -> Void,
    revoked: @escaping @Sendable (CredentialFailure) -> Void
  ) -> WatchTicket {
    loop.preconditionInLoop()
    next &+= 1
    let ticket = WatchTicket(number: number << 40 | next)
    guard !isShutDown else { return ticket }
    gate.loop.submit { [self] in
      let authority = gate.authority
      Task.immediate(executorPreference: gate.loop) {
        let result = await authority.openStream(ticket, presented, address: address) { failure in
          self.handBack { revoked(failure) }
        }
        self.handBack { answer(result) }
      }
    }
    return ticket
  }

  /// The stream is gone, or nobody waits for the answer.
  public func closeStream(_ ticket: WatchTicket) {
    loop.preconditionInLoop()
    guard !isShutDown else { return }
    gate.loop.submit { [self] in gate.authority.closeStream(ticket) }
  }

  /// On the authority's loop.
  private func handBack(_ work: @escaping @Sendable () -> Void) {
    guard !stopped else { return }
    loop.submit(work)
  }

  /// Nothing is handed to this loop any more when it returns. Tickets must have been closed.
  public func shutDown() async {
    loop.preconditionInLoop()
    isShutDown = true
    _ = try? await gate.loop.run { [self] in stopped = true }
  }
}
