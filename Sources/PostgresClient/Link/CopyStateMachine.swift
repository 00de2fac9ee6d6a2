// One COPY ... FROM STDIN outside of pipeline mode, as a pure machine (libpq manual 34.10):
//
//   asked   COPY was sent                      PGRES_COPY_IN      -> sending
//   sending data leaves in pieces              all has left       -> ending (CopyDone)
//   ending  the server writes                  a result           -> closing
//   closing results are read to their end      a null pointer     -> ended
//
// The server may refuse at any point: before the data (an error instead of PGRES_COPY_IN), or while
// they come, which libpq shows only after CopyDone. Either way it then waits for the next command.

struct CopyStateMachine {
  enum State: Equatable { case asked, sending, ending, closing, ended }

  enum Result: Equatable {
    case copyIn
    case success(rows: Int)
    case error
    /// Any other status.
    case unexpected
  }

  enum Action: Equatable {
    case none
    /// Send the bytes at this range; after the last of them comes the end.
    case send(Range<Int>)
    case sendEnd
    case finished
    case violated(String)
  }

  private(set) var state = State.asked
  private(set) var rows = 0
  private(set) var hasFailed = false
  private let bytes: Int
  private let pieceBytes: Int
  private var sent = 0

  init(bytes: Int, pieceBytes: Int = PostgresLimits.copyPieceBytes) {
    precondition(bytes >= 0 && pieceBytes > 0)
    self.bytes = bytes
    self.pieceBytes = pieceBytes
  }

  mutating func received(_ result: Result) -> Action {
    switch (state, result) {
    case (.asked, .copyIn):
      state = .sending
      return next()
    case (.asked, .error), (.ending, .error):
      hasFailed = true
      state = .closing
      return .none
    case (.ending, .success(let rows)):
      self.rows = rows
      state = .closing
      return .none
    case (.asked, .success): return .violated("the statement was no COPY FROM STDIN")
    default: return .violated("a result that COPY does not give")
    }
  }

  /// What was given to send has left.
  mutating func left() -> Action {
    switch state {
    case .sending: next()
    default: .none
    }
  }

  private mutating func next() -> Action {
    guard sent < bytes else {
      state = .ending
      return .sendEnd
    }
    let piece = sent..<min(sent + pieceBytes, bytes)
    sent = piece.upperBound
    return .send(piece)
  }

  /// PQgetResult gave a null pointer.
  mutating func endedResults() -> Action {
    guard state == .closing else { return .violated("no result where COPY has one") }
    state = .ended
    return .finished
  }
}
