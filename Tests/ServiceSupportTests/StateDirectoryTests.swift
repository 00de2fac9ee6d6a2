import Glibc
import ServiceSupport
import Testing

@Suite struct StateDirectoryTests {
  @Test func isMadeForItsOwnerOnly() async throws {
    try await withTemporaryDirectory { path in
      let directory = try StateDirectory.open(path + "/a/b/")
      #expect(directory.path == path + "/a/b")
      #expect(directory.file("x.sock") == path + "/a/b/x.sock")
      var status = stat()
      #expect(stat(directory.path, &status) == 0 && status.st_mode & 0o777 == 0o700)
    }
  }

  @Test func secondInstanceIsToldAndTheLockGoesWithItsHolder() async throws {
    try await withTemporaryDirectory { path in
      do {
        let directory = try StateDirectory.open(path)
        let error = #expect(throws: ServiceSupportError.self) { try StateDirectory.open(path) }
        #expect(error?.code == .occupied)
        #expect(error?.message.contains("another tapedeck (process \(getpid()))") == true)
        withExtendedLifetime(directory) {}
      }
      // A child that another test forks just now shares the lock until it executes its program.
      var free = false
      for _ in 0..<500 where !free {
        free = (try? StateDirectory.open(path)) != nil
        if !free { usleep(10_000) }
      }
      #expect(free)
    }
  }

  @Test func pathTooLongForASocketIsAnError() async throws {
    try await withTemporaryDirectory { path in
      let long = path + "/" + String(repeating: "x", count: 80)
      let error = #expect(throws: ServiceSupportError.self) { try StateDirectory.open(long) }
      #expect(error?.message.contains("too long for a Unix socket") == true)
      #expect(access(long, F_OK) == -1)
    }
  }

  @Test func fileInTheWayIsAnError() async throws {
    try await withTemporaryDirectory { path in
      #expect(run("touch", path + "/file") == "")
      for bad in [path + "/file", path + "/file/below"] {
        let error = #expect(throws: ServiceSupportError.self) { try StateDirectory.open(bad) }
        #expect(error?.message.hasPrefix("state directory \(bad): ") == true)
      }
    }
  }

  @Test func defaultLiesInTheCacheDirectory() throws {
    func path(_ environment: [String: String]) throws -> String {
      try StateDirectory.defaultPath(environment: { environment[$0] })
    }
    #expect(try path(["XDG_CACHE_HOME": "/c", "HOME": "/h"]) == "/c/tapedeck")
    #expect(try path(["XDG_CACHE_HOME": "relative", "HOME": "/h"]) == "/h/.cache/tapedeck")
    #expect(throws: ServiceSupportError.self) { try path([:]) }
  }
}
