import Testing

@testable import PostgresClient

@Suite struct CopyStateMachineTests {
  @Test func dataLeaveInPiecesAndThenTheEnd() {
    var machine = CopyStateMachine(bytes: 250, pieceBytes: 100)
    #expect(machine.received(.copyIn) == .send(0..<100))
    #expect(machine.left() == .send(100..<200))
    #expect(machine.left() == .send(200..<250))
    #expect(machine.left() == .sendEnd)
    #expect(machine.left() == .none)
    #expect(machine.received(.success(rows: 7)) == .none)
    #expect(machine.endedResults() == .finished)
    #expect(machine.rows == 7 && !machine.hasFailed)
  }

  @Test func nothingToSendIsOnlyAnEnd() {
    var machine = CopyStateMachine(bytes: 0)
    #expect(machine.received(.copyIn) == .sendEnd)
  }

  @Test func refusalBeforeOrAfterTheDataIsAFailureThatEnds() {
    var before = CopyStateMachine(bytes: 10)
    #expect(before.received(.error) == .none)
    #expect(before.left() == .none)
    #expect(before.endedResults() == .finished)
    #expect(before.hasFailed)
    var after = CopyStateMachine(bytes: 10)
    _ = after.received(.copyIn)
    _ = after.left()
    #expect(after.received(.error) == .none)
    #expect(after.endedResults() == .finished)
    #expect(after.hasFailed)
  }

  @Test func whatCopyDoesNotGiveIsAViolation() {
    for result in [CopyStateMachine.Result.success(rows: 1), .unexpected] {
      var machine = CopyStateMachine(bytes: 10)
      guard case .violated = machine.received(result) else {
        Issue.record("\(result)")
        continue
      }
    }
    var machine = CopyStateMachine(bytes: 10)
    _ = machine.received(.copyIn)
    guard case .violated = machine.received(.copyIn) else {
      Issue.record("twice")
      return
    }
    guard case .violated = machine.endedResults() else {
      Issue.record("an end before its time")
      return
    }
  }
}
