import Testing

@testable import ServiceSupport

@Suite struct RestartPolicyTests {
  @Test func pausesDoubleUpToABoundAndBeginAnewAfterALongLife() {
    var policy = RestartPolicy()
    let pauses = (0..<9).map { _ in policy.delay(livedMilliseconds: 10) }
    #expect(pauses == [50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000])
    for _ in 0..<100 { #expect(policy.delay(livedMilliseconds: 10) == 5_000) }
    #expect(policy.delay(livedMilliseconds: ServiceSupportLimits.restartResetMilliseconds) == 50)
    #expect(policy.delay(livedMilliseconds: 10) == 100)
  }
}
