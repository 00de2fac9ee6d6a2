import TestSupport
import Testing

@testable import WebTransport

/// What was done to the server in plain is done to it over TLS, where libwebsockets takes other ways: bytes
/// wait inside OpenSSL where no poll sees them, and a write may need the same bytes again.
@Suite(.serialized) struct HostileOverTLSTests {
  private func overTLS(_ body: () async throws -> Void) async throws {
    let certificate = try TestCertificates().serve()
    try await SpokenTLS.$certificate.withValue(certificate) { try await body() }
  }

  @Test func requests() async throws {
    try await overTLS {
      let plain = HTTPServerTests()
      try await plain.oneConnectionCarriesEveryMethodWithABody()
      try await plain.aClientThatWaitsForSuspendedAnswersKeepsTheConnection()
      let hostile = HostileHTTPTests()
      try await hostile.aLargeBodyIs413AndTheAnswerArrives()
      try await hostile.headersOverTheLimitAre431(bytes: 20_000)
      try await hostile.nonsenseIsAJSONError(text: "\u{0}\u{1}\u{2}\u{3}garbage\r\n\r\n")
      try await hostile.aChunkedBodyIs411(method: "POST")
      try await hostile.largeAnswersArriveWhole()
      try await hostile.aClientMayVanishWhileItsAnswerIsPending()
      try await hostile.aSlowHandlerIsAnsweredForBy503()
    }
  }

  @Test func pipelining() async throws {
    try await overTLS {
      let hostile = HostileHTTPTests()
      try await hostile.pipelinedRequestsAreAnsweredInOrder()
      try await hostile.aBodyPipelinedBehindARequestIsRefused(
        second: "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc")
    }
  }

  @Test(arguments: [
    "GET /sleep/1000 HTTP/1.1\r\nHost: t\r\n\r\n",
    "POST /sleep/1000 HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\nx",
  ])
  func pendingAnswersDoNotSpin(request: String) async throws {
    try await overTLS {
      try await HostileHTTPTests().pipeliningBehindAPendingRequestDoesNotSpin(request: request)
    }
  }

  @Test func messages() async throws {
    try await overTLS {
      let hostile = HostileWebSocketTests()
      try await hostile.theOfficialSDKsFragmentsAreOneMessage()
      try await hostile.aMessageOverTheLimitIs1009()
      try await hostile.fragmentsOverTheLimitAre1009()
      try await hostile.strangeFirstBytesAre1002(first: 0x83, code: 1_002)
      try await hostile.anOversizedControlFrameIs1002()
      try await hostile.aResetIsAbnormal()
      try await hostile.thisSideClosesCleanly()
      try await HostileUpgradeTests().theHandlerMayRejectAHandshake()
    }
  }

  @Test func slowClients() async throws {
    try await overTLS {
      let slow = SlowWebSocketTests()
      try await slow.thirtyThousandSmallFramesInLargeWritesDoNotStall()
      try await slow.aSlowReaderIsBufferedThenWritable()
      try await slow.aLargeControlMessageWaitsToo()
      try await slow.tooManyUnreadControlMessagesAre1008()
      try await slow.closingTheServerTellsEveryClient()
    }
  }
}
