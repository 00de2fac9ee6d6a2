import ServiceSupport
import Testing

@Suite struct ReadinessTests {
  @Test func isReadyOnlyWhenEveryAnnouncedCheckPasses() {
    let readiness = Readiness(["redis", "feed"])
    #expect(!readiness.isReady)
    #expect(readiness.failures == ["redis: starting", "feed: starting"])
    readiness.pass("redis")
    readiness.pass("feed")
    #expect(readiness.isReady)
    #expect(
      readiness.json() == #"{"ready":true,"checks":{"redis":{"ok":true},"feed":{"ok":true}}}"#)
    readiness.fail("redis", "no \"answer\"\n")
    #expect(!readiness.isReady)
    #expect(
      readiness.json()
        == #"{"ready":false,"checks":{"redis":{"ok":false,"reason":"no \"answer\"\u000a"},"#
        + #""feed":{"ok":true}}}"#)
  }

  @Test func isNeverReadyAgainOnceItEnds() {
    let readiness = Readiness(["feed"])
    readiness.pass("feed")
    readiness.end("shutting down")
    readiness.end("later")
    readiness.pass("feed")
    #expect(!readiness.isReady)
    #expect(readiness.failures == ["stopping: shutting down"])
    #expect(
      readiness.json()
        == #"{"ready":false,"stopping":"shutting down","checks":{"feed":{"ok":true}}}"#)
  }
}
