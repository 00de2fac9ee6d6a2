import EventLoops
import Glibc
import Testing

/// Timers, descriptors, signals and children of one loop.
@Suite struct HandleTests {
  @Test func aRepeatingTimerFiresUntilItIsClosed() async throws {
    try await withLoop { loop in
      let fired = LoopBox(0)
      await onLoop(loop) { done in
        let timer = LoopBox<LoopTimer?>(nil)
        timer.value = LoopTimer(loop: loop) {
          fired.value += 1
          guard fired.value == 3 else { return }
          timer.value?.close()
          timer.value = nil
          done()
        }
        timer.value?.start(afterMilliseconds: 0, repeatingMilliseconds: 1)
      }
      let count = try await loop.run { fired.value }
      #expect(count == 3)
    }
  }

  @Test func aStoppedTimerDoesNotFire() async throws {
    try await withLoop { loop in
      await onLoop(loop) { done in
        let stopped = LoopTimer(loop: loop) { Issue.record("fired after stop") }
        stopped.start(afterMilliseconds: 1)
        stopped.stop()
        let later = LoopBox<LoopTimer?>(nil)
        later.value = LoopTimer(loop: loop) {
          stopped.close()
          later.value?.close()
          later.value = nil
          done()
        }
        later.value?.start(afterMilliseconds: 5)
      }
    }
  }

  @Test func aReadableDescriptorIsReported() async throws {
    try await withLoop { loop in
      var ends: [Int32] = [0, 0]
      #expect(pipe(&ends) == 0)
      let (reader, writer) = (ends[0], ends[1])
      let poll = LoopBox<LoopPoll?>(nil)
      await onLoop(loop) { done in
        poll.value = try? LoopPoll(loop: loop, fd: reader) { events in
          #expect(events.contains(.readable))
          poll.value?.close()
          poll.value = nil
          done()
        }
        poll.value?.watch(.readable)
        _ = write(writer, "x", 1)
      }
      close(reader)
      close(writer)
    }
  }

  @Test func aDescriptorThatCannotBeWatchedIsAnError() async throws {
    try await withLoop { loop in
      let failed = try await loop.run {
        do throws(EventLoopError) {
          _ = try LoopPoll(loop: loop, fd: 1_000_000) { _ in }
          return false
        } catch {
          return error.operation == "uv_poll_init" && error.code < 0
        }
      }
      #expect(failed)
    }
  }

  @Test func aSignalIsReceivedOnTheLoop() async throws {
    try await withLoop { loop in
      let signal = LoopBox<LoopSignal?>(nil)
      await onLoop(loop) { done in
        signal.value = try? LoopSignal(loop: loop, signal: SIGUSR2) {
          #expect(loop.inLoop)
          signal.value?.close()
          signal.value = nil
          done()
        }
        kill(getpid(), SIGUSR2)
      }
    }
  }

  @Test func aChildsExitStatusIsReported() async throws {
    let exit = try await child("sh", ["-c", "exit 3"], environment: nil) { _ in }
    #expect(exit.status == 3 && exit.signal == 0)
  }

  @Test func aChildGetsExactlyTheGivenEnvironment() async throws {
    let exit = try await child(
      "/bin/sh", ["-c", "test \"$TAPEDECK_TEST\" = yes && test -z \"$HOME\""],
      environment: ["TAPEDECK_TEST=yes"]
    ) { _ in }
    #expect(exit.status == 0)
  }

  @Test func aChildCanBeEndedByASignal() async throws {
    let exit = try await child("sleep", ["1000"], environment: nil) { $0.send(signal: SIGTERM) }
    #expect(exit.signal == SIGTERM)
  }

  @Test func aMissingExecutableIsAnError() async throws {
    await #expect(throws: EventLoopError.self) {
      _ = try await child("tapedeck-no-such-program", [], environment: nil) { _ in }
    }
  }

  private func child(
    _ executable: String, _ arguments: [String], environment: [String]?,
    started: @escaping @Sendable (LoopProcess) -> Void
  ) async throws -> LoopProcess.Exit {
    try await withLoop { loop in
      let process = LoopBox<LoopProcess?>(nil)
      return try await withCheckedThrowingContinuation { continuation in
        loop.submit {
          do {
            process.value = try LoopProcess(
              loop: loop, executable: executable, arguments: arguments, environment: environment
            ) { exit in
              process.value?.close()
              process.value = nil
              continuation.resume(returning: exit)
            }
            if let running = process.value { started(running) }
          } catch {
            continuation.resume(throwing: error)
          }
        }
      }
    }
  }
}
