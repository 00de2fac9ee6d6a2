// A frame an interval: the clients that asked for it are held back by the distributor, and expedited
// when they are due. What answers a subscribe goes out at once, and so does whatever is urgent: that a
// price is stale is no use a minute later.
import EventLoops
import FanOut
import WebTransport

extension StreamLoop {
  /// Sets a client's interval; 0 ends it. The next frame comes after one interval and up to a quarter
  /// of it, later ones each interval: clients that came together do not stay so.
  func setInterval(_ id: ConnectionID, _ milliseconds: UInt64) {
    guard let session = sessions[id] else { return }
    sessions.update(id) { $0.intervalMilliseconds = milliseconds }
    distributor.setHeld(session.client, milliseconds > 0)
    intervals.remove(session.client)
    guard milliseconds > 0 else { return }
    // Neighbours are the golden ratio apart.
    let phase = UInt64(session.client.index &* 0x9e37_79b9) * (milliseconds / 4) >> 32
    let now = loop.nowMilliseconds
    intervals.add(
      session.client, dueMilliseconds: now + milliseconds + phase, nowMilliseconds: now)
    startIntervalTimer()
  }

  /// A client of which the loop knows nothing more.
  func forgetInterval(_ client: ClientHandle) { intervals.remove(client) }

  func intervalsDue() {
    let now = loop.nowMilliseconds
    var isDue = false
    while let (client, due) = intervals.takeDue(nowMilliseconds: now) {
      guard let id = sessions.connection(of: client), let session = sessions[id],
        session.intervalMilliseconds > 0
      else { continue }
      isDue = distributor.expedite(client) || isDue
      // From when it was due: the phase stays. After a standstill, from now.
      let next = due + session.intervalMilliseconds
      intervals.add(client, dueMilliseconds: next > now ? next : now + 1, nowMilliseconds: now)
    }
    startIntervalTimer()
    if isDue { askForFlush() }
  }

  private func startIntervalTimer() {
    guard let timer = intervalTimer else { return }
    guard let next = intervals.nextMilliseconds else { return timer.stop() }
    let now = loop.nowMilliseconds
    timer.start(afterMilliseconds: next > now ? next - now : 0)
  }
}
