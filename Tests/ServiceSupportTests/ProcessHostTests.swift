// Goal: signals, errors and bounds end a process as promised. Method: the host runs on a thread of
// the test, gets real signals of this process, and an `exitNow` that only notes the status.
import EventLoops
import Glibc
import Logging
import Testing

@testable import ServiceSupport

@Suite(.serialized) struct ProcessHostTests {
  /// What happened, in order.
  private final class Journal: Sendable {
    private let state = Locked<[String]>([])
    func note(_ what: String) { state.withLock { $0.append(what) } }
    var notes: [String] { state.withLock { $0 } }
  }

  /// Runs a host on a plain thread, as a main thread is, and gives its status.
  private func host(
    _ journal: Journal, stopMilliseconds: UInt64 = 4_500,
    _ body: @escaping @Sendable (ProcessHost) async throws -> Void
  ) async -> Int32 {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    return await PlainThread.status {
      ProcessHost.run(
        name: "test", logger: logger, stopMilliseconds: stopMilliseconds,
        exitNow: { journal.note("exit \($0)") }, body)
    }
  }

  @Test func signalRunsTheStopsLastFirst() async {
    let journal = Journal()
    let status = await host(journal) { host in
      host.onStop("first") { journal.note("stop first") }
      host.onStop("second") {
        await host.loop.sleep(milliseconds: 1)
        journal.note("stop second")
      }
      #expect(host.loop.inLoop)
      kill(getpid(), SIGTERM)
    }
    #expect(status == 0)
    #expect(journal.notes == ["stop second", "stop first"])
  }

  @Test func signalDuringTheStartCancelsItAndStopsWhatHasStarted() async {
    let journal = Journal()
    let status = await host(journal) { host in
      host.onStop("part") { journal.note("stop part") }
      kill(getpid(), SIGINT)
      await host.loop.sleep(milliseconds: 60_000)
      journal.note(Task.isCancelled ? "cancelled" : "slept")
      throw CancellationError()
    }
    #expect(status == 0)
    #expect(journal.notes == ["cancelled", "stop part"])
  }

  @Test func errorOfTheStartStopsWhatHasStartedAndGivesItsStatus() async {
    let journal = Journal()
    let status = await host(journal) { host in
      host.onStop("part") { journal.note("stop part") }
      throw ServiceSupportError(.setting, "expected by a test")
    }
    #expect(status == ExitCode.usage)
    #expect(journal.notes == ["stop part"])
  }

  @Test func failureWhileRunningEndsWithItsStatus() async {
    let journal = Journal()
    let status = await host(journal) { host in
      host.onStop("part") { journal.note("stop part") }
      host.fail(ServiceSupportError(.server, "expected by a test"))
    }
    #expect(status == ExitCode.failure)
    #expect(journal.notes == ["stop part"])
  }

  @Test func requestedStopEndsWithZeroAndWakesWhoWaits() async {
    let journal = Journal()
    let status = await host(journal) { host in
      host.requestStop("the tape has ended")
      await host.untilStop()
      journal.note(host.stopReason ?? "none")
    }
    #expect(status == 0)
    #expect(journal.notes == ["the tape has ended"])
  }

  @Test func secondSignalExitsAtOnce() async {
    let journal = Journal()
    _ = await host(journal) { host in
      host.onStop("slow") {
        kill(getpid(), SIGTERM)
        await host.loop.sleep(milliseconds: 20)
      }
      kill(getpid(), SIGTERM)
    }
    #expect(journal.notes == ["exit 143"])
  }

  @Test func stopThatHangsIsEndedByTheBound() async {
    let journal = Journal()
    _ = await host(journal, stopMilliseconds: 10) { host in
      host.onStop("hanging") { await host.loop.sleep(milliseconds: 50) }
      host.requestStop("test")
    }
    #expect(journal.notes == ["exit 1"])
  }

  @Test func aStopMayBeAllowedToTakeLonger() async {
    let journal = Journal()
    let status = await host(journal, stopMilliseconds: 10) { host in
      host.allowStop(milliseconds: 60_000)
      host.onStop("slow on purpose") { await host.loop.sleep(milliseconds: 50) }
      host.requestStop("test")
    }
    #expect(status == 0)
    #expect(journal.notes == [])
  }

  @Test func aHangupWithoutAnythingToLoadChangesNothing() async {
    let journal = Journal()
    let status = await host(journal) { host in
      kill(getpid(), SIGHUP)
      await host.loop.sleep(milliseconds: 20)
      journal.note("still here")
      host.requestStop("test")
    }
    #expect(status == 0)
    #expect(journal.notes == ["still here"])
  }

  @Test func aHangupLoadsAgainAndOneMeanwhileOnceMore() async {
    let journal = Journal()
    let status = await host(journal) { host in
      var loads = 0
      host.onHangup {
        loads += 1
        journal.note("load \(loads)")
        // Two of them while the first is under way.
        if loads == 1 {
          for _ in 0..<2 {
            kill(getpid(), SIGHUP)
            await host.loop.sleep(milliseconds: 20)
          }
        }
        journal.note("loaded \(loads)")
      }
      host.onHangup { if loads == 2 { host.requestStop("test") } }
      kill(getpid(), SIGHUP)
    }
    #expect(status == 0)
    #expect(journal.notes == ["load 1", "loaded 1", "load 2", "loaded 2"])
  }

  @Test func brokenPipeIsAnErrorOfWrite() async {
    let journal = Journal()
    let status = await host(journal) { host in
      var ends: [Int32] = [0, 0]
      pipe(&ends)
      close(ends[0])
      journal.note(write(ends[1], "x", 1) == -1 && errno == EPIPE ? "EPIPE" : "written")
      close(ends[1])
      host.requestStop("test")
    }
    #expect(status == 0)
    #expect(journal.notes == ["EPIPE"])
  }

  @Test func descriptorsAreAllowedUpToTheHardLimit() async {
    let journal = Journal()
    _ = await host(journal) { host in
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit)
      journal.note("\(limit.rlim_cur == limit.rlim_max)")
      host.requestStop("test")
    }
    #expect(journal.notes == ["true"])
  }
}
