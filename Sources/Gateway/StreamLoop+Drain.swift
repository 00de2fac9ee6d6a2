// The goodbye of one loop: no new clients; each one that is there is told when to come back, and closed
// with 1012 at its time. Data goes on to those that are not closed yet. It is over when all have gone, and
// at the latest when its time is: a client that does not read, or does not answer the close, is left to the
// close of the server.
import EventLoops
import FanOut
import MarketData
import WebTransport

extension StreamLoop {
  /// What is known of a goodbye under way. Loop's thread.
  final class Drain {
    /// In the order of their closes.
    var clients: [ConnectionID]
    let schedule: DrainSchedule
    let begun: UInt64
    let end: UInt64
    var told = 0
    var closed = 0
    let timer: LoopTimer
    var over: CheckedContinuation<Void, Never>?

    init(
      _ clients: [ConnectionID], _ schedule: DrainSchedule, _ now: UInt64, _ milliseconds: UInt64,
      _ timer: LoopTimer, _ over: CheckedContinuation<Void, Never>
    ) {
      self.clients = clients
      self.schedule = schedule
      begun = now
      end = now + milliseconds
      self.timer = timer
      self.over = over
    }
  }

  /// Once; `close` follows.
  package func drain(milliseconds: UInt64) async {
    loop.preconditionInLoop()
    precondition(drain == nil, "a loop says goodbye once")
    web.windDown()
    var random = SystemRandomNumberGenerator()
    await withCheckedContinuation { over in
      var clients: [ConnectionID] = []
      sessions.forEach { clients.append($0.connection) }
      clients.shuffle(using: &random)
      let schedule = DrainSchedule(
        clients: clients.count, drainMilliseconds: milliseconds,
        reconnectsPerSecondMax: GatewayLimits.reconnectsPerSecondMax(
          isSecure: configuration.web.certificate != nil), random: &random)
      let timer = LoopTimer(loop: loop) { [unowned self] in drainTick() }
      drain = Drain(clients, schedule, loop.nowMilliseconds, milliseconds, timer, over)
      timer.start(
        afterMilliseconds: GatewayLimits.drainTickMilliseconds,
        repeatingMilliseconds: GatewayLimits.drainTickMilliseconds)
      drainTick()
    }
  }

  private func drainTick() {
    guard let drain, drain.over != nil else { return }
    let now = loop.nowMilliseconds - drain.begun
    let tellable = min(drain.clients.count, drain.told + GatewayLimits.goodbyesPerTickMax)
    while drain.told < tellable { tellNext(drain, now) }
    while drain.closed < drain.clients.count, drain.schedule.closeAt(drain.closed) <= now {
      if drain.told == drain.closed { tellNext(drain, now) }
      dismiss(drain.clients[drain.closed])
      drain.closed += 1
    }
    // With nobody here any more nobody comes: handshakes are refused.
    let isOver = drain.closed == drain.clients.count && loop.nowMilliseconds >= drain.end
    if isOver || sessions.count == 0 { endDrain(drain) }
  }

  private func tellNext(_ drain: Drain, _ now: UInt64) {
    let back = drain.schedule.returnAt(drain.told)
    tell(drain.clients[drain.told], reconnectMilliseconds: back - min(back, now))
    drain.told += 1
  }

  private func tell(_ id: ConnectionID, reconnectMilliseconds: UInt64) {
    guard let session = sessions[id], session.stage != .ended else { return }
    counters.goodbyes &+= 1
    say(id) {
      ControlMessage.shutdown(reconnectMilliseconds: reconnectMilliseconds, $0, into: &$1)
    }
  }

  private func dismiss(_ id: ConnectionID) {
    guard let session = sessions[id], session.stage != .ended else { return }
    sessions.update(id) { $0.stage = .ended }
    distributor.clientBlocked(session.client)
    web.close(id, code: WebSocketCloseCode.serviceRestart, reason: "the server stops: come back")
  }

  private func endDrain(_ drain: Drain) {
    drain.timer.stop()
    drain.over?.resume()
    drain.over = nil
  }

  /// A handshake that was accepted before the drain and ended after its beginning.
  func openedLate(_ id: ConnectionID) {
    guard drain != nil else { return }
    tell(id, reconnectMilliseconds: 0)
    dismiss(id)
  }

  /// With the last client the drain is over, without waiting for its next tick.
  func leftDuringDrain() {
    guard let drain, sessions.count == 0 else { return }
    endDrain(drain)
  }
}
