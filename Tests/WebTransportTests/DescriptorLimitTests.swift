import EventLoops
import Glibc
import TestSupport
import Testing

@testable import WebTransport

struct DescriptorLimitTests {
  /// In a process of its own, since the limit is the process's. The loop is held up while clients
  /// queue in the kernel and the limit is lowered, so that its next accept fails.
  @Test func acceptingPausesAtTheLimitAndGoesOn() async {
    await #expect(processExitsWith: .success) {
      try await withServer { fixture in
        // `until` sleeps, and the first sleep of a process opens descriptors: without them it traps.
        try await Task.sleep(for: .milliseconds(1))
        let held = try fixture.socket()
        #expect(held.request("GET", "/hello")?.status == 200)
        fixture.loop.submit { usleep(300_000) }
        let waiting = try (0..<3).map { _ in try fixture.socket() }
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let before = limit.rlim_cur
        limit.rlim_cur = rlim_t(waiting.last!.fd + 1)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        #expect(try await fixture.until { $0.acceptPauses >= 1 })
        // Those that are there are served on.
        #expect(held.request("GET", "/hello")?.status == 200)
        #expect(fixture.logLines.contains { $0.text.hasPrefix("accepting pauses") })
        limit.rlim_cur = before
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        for socket in waiting { #expect(socket.request("GET", "/hello")?.status == 200) }
      }
    }
  }
}
