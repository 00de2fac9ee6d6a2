import FanOut
import MarketData
import Testing

@testable import Gateway

/// What `write` appends, as text or as bytes.
func written(_ write: (inout ByteWriter) -> Void) -> [UInt8] {
  var out = ByteWriter()
  write(&out)
  return out.withUnsafeBytes { Array($0) }
}

private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

private func hex(_ bytes: [UInt8]) -> String {
  let digits = Array("0123456789abcdef")
  return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}

/// Bytes of Python's `msgpack.packb`, as the official SDK reads them (wire contract A.3 and A.7).
@Suite struct ControlMessageTests {
  @Test func successIsExact() {
    #expect(
      text(written { ControlMessage.success("connected", .json, into: &$0) })
        == #"[{"T":"success","msg":"connected"}]"#)
    #expect(
      text(written { ControlMessage.success("authenticated", .json, into: &$0) })
        == #"[{"T":"success","msg":"authenticated"}]"#)
    #expect(
      hex(written { ControlMessage.success("connected", .messagePack, into: &$0) })
        == "9182a154a773756363657373a36d7367a9636f6e6e6563746564")
  }

  @Test func theGoodbyeIsExact() {
    func goodbye(_ milliseconds: UInt64, _ encoding: ClientEncoding) -> [UInt8] {
      written {
        ControlMessage.shutdown(reconnectMilliseconds: milliseconds, encoding, into: &$0)
      }
    }
    #expect(text(goodbye(1_250, .json)) == #"[{"T":"shutdown","reconnect_ms":1250}]"#)
    #expect(
      hex(goodbye(1_250, .messagePack))
        == "9182a154a873687574646f776eac7265636f6e6e6563745f6d73cd04e2")
  }

  @Test func anErrorBeginsWithTheProtocolsWords() {
    #expect(
      text(written { ControlMessage.error(.authenticationFailed, reason: nil, .json, into: &$0) })
        == #"[{"T":"error","code":402,"msg":"auth failed"}]"#)
    #expect(
      text(written { ControlMessage.error(.invalidSyntax, reason: "a \"b\"", .json, into: &$0) })
        == #"[{"T":"error","code":400,"msg":"invalid syntax: a \"b\""}]"#)
    #expect(
      hex(
        written {
          ControlMessage.error(.authenticationFailed, reason: nil, .messagePack, into: &$0)
        }) == "9183a154a56572726f72a4636f6465cd0192a36d7367ab61757468206661696c6564")
  }

  @Test func aStaleNoticeNamesSymbolAndChannel() throws {
    let symbol = try #require(SymbolName("BTC/USD"))
    let since = Timestamp(nanoseconds: 1_795_242_180_123_456_789)
    let name = TopicDirectory.Name(symbol: symbol, channel: .orderbooks, path: .crypto)
    let json = written { ControlMessage.staleNotices([name], since: since, .json, into: &$0) }
    #expect(
      text(json)
        == #"[{"T":"stale","S":"BTC/USD","c":"orderbooks","since":"2026-11-21T06:23:00.123456789Z"}]"#
    )
    // `since` becomes a timestamp, the rest stays text.
    #expect(
      hex(
        written { ControlMessage.staleNotices([name], since: since, .messagePack, into: &$0) })
        == "9184a154a57374616c65a153a74254432f555344a163aa6f72646572626f6f6b73"
        + "a573696e6365d7ff1d6f34546b0138c4")
  }

  /// And one of our own, for a limit that the contract does not have.
  @Test func theErrorsAreTheContracts() {
    let table: [UInt16: (String, Bool)] = [
      400: ("invalid syntax", false), 401: ("not authenticated", false),
      402: ("auth failed", true), 403: ("already authenticated", false),
      404: ("auth timeout", true), 405: ("symbol limit exceeded", false),
      406: ("connection limit exceeded", true), 407: ("slow client", true),
      409: ("insufficient subscription", true),
      410: ("invalid subscribe action for this feed", false), 429: ("too many requests", true),
      500: ("internal error", true),
    ]
    #expect(StreamError.allCases.count == table.count)
    for error in StreamError.allCases {
      #expect("\(error.message)" == table[error.rawValue]?.0)
      #expect((error.closeCode != nil) == table[error.rawValue]?.1)
    }
    // Those that come back at once with the same credentials get a code that says so.
    #expect(StreamError.authenticationFailed.closeCode == 1_008)
    #expect(StreamError.slowClient.closeCode == 1_013)
  }
}
