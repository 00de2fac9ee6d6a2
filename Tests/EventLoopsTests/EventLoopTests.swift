import Testing

@testable import EventLoops

@Suite struct EventLoopTests {
  @Test func a() async throws {
    let loop = try EventLoop.start(name: "t")
    let r = try await loop.run { loop.inLoop }
    #expect(r)
    loop.stop(); loop.join()
  }
}
