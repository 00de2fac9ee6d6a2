// When each client of a stopping server is closed, and when it is told to come back. Pure: positions in
// an order that is drawn once, milliseconds since the drain began.
//
// Of n clients the one in place k is closed at D x (k + u) / n, with D the drain's length and u drawn from
// 0..<1: closes are spread evenly, two in a row are jittered, and the last one is before D. It is told to
// be back at W x (k + u) / n, where W is D or, when that is too short for so many, n divided by the
// connects that a server takes in a second: even a drain of 0 s brings its clients back no faster than
// that. A client that does not know the message comes back after its close, so at the rate n / D; one
// that waits from its close instead of from the message is spread over twice the time.

struct DrainSchedule {
  private let clients: UInt64
  private let drainMilliseconds: UInt64
  private let returnMilliseconds: UInt64
  /// Thousandths of a place, one for each.
  private let jitter: [UInt16]

  init(
    clients: Int, drainMilliseconds: UInt64, reconnectsPerSecondMax: UInt64,
    random: inout some RandomNumberGenerator
  ) {
    precondition(clients >= 0 && reconnectsPerSecondMax > 0)
    self.clients = UInt64(clients)
    self.drainMilliseconds = drainMilliseconds
    returnMilliseconds = max(
      drainMilliseconds, UInt64(clients) * 1_000 / reconnectsPerSecondMax)
    jitter = (0..<clients).map { _ in .random(in: 0..<1_000, using: &random) }
  }

  func closeAt(_ place: Int) -> UInt64 { share(place, of: drainMilliseconds) }

  /// Never before `closeAt`.
  func returnAt(_ place: Int) -> UInt64 { share(place, of: returnMilliseconds) }

  private func share(_ place: Int, of milliseconds: UInt64) -> UInt64 {
    milliseconds * (UInt64(place) * 1_000 + UInt64(jitter[place])) / (clients * 1_000)
  }
}
