import MarketData
import Testing

@testable import Gateway

@Suite struct MessagePackControlReaderTests {
  private func bytes(_ write: (inout ByteWriter) -> Void) -> [UInt8] {
    var out = ByteWriter()
    write(&out)
    return out.withUnsafeBytes { Array($0) }
  }

  private func binary(_ text: StaticString, into out: inout ByteWriter) {
    out.append(0xC4)
    out.append(UInt8(text.utf8CodeUnitCount))
    out.append(text)
  }

  /// Wire contract A.5: strings are str, never bin; a client that sends bin is told so.
  @Test func binaryIsNoString() {
    let asValue = bytes { out in
      out.packMap(count: 1)
      out.packString("action")
      binary("subscribe", into: &out)
    }
    #expect(Decoded(asValue, messagePack: true).fault == .invalidSyntax)
    let asKey = bytes { out in
      out.packMap(count: 1)
      binary("action", into: &out)
      out.packString("subscribe")
    }
    #expect(Decoded(asKey, messagePack: true).fault == .invalidSyntax)
    let asName = bytes { out in
      out.packMap(count: 2)
      out.packString("action")
      out.packString("subscribe")
      out.packString("trades")
      out.packArray(count: 1)
      binary("AAPL", into: &out)
    }
    #expect(Decoded(asName, messagePack: true).fault == .invalidSyntax)
    #expect(Decoded(asName, messagePack: true).reason.hasPrefix("a string was expected"))
  }

  /// An option that nobody knows may hold anything, binary and extensions too.
  @Test func whatIsSkippedMayBeOfAnyType() {
    let message = bytes { out in
      out.packMap(count: 4)
      out.packString("x")
      binary("\u{1}\u{2}", into: &out)
      out.packString("y")
      out.packTimestamp(Timestamp(nanoseconds: 1))
      out.packString("z")
      out.packFloat64(1.5)
      out.packString("action")
      out.packString("auth")
    }
    #expect(Decoded(message, messagePack: true).action == .authenticate)
  }

  /// Widths that no encoder of ours chooses, but another's may: map32, array16, array32, str8,
  /// str16.
  @Test func everyWidthOfTheSameTypeIsRead() {
    var message: [UInt8] = [0xDF, 0, 0, 0, 2, 0xD9, 6] + Array("action".utf8)
    message += [0xDA, 0, 9] + Array("subscribe".utf8)
    message += [0xA6] + Array("trades".utf8)
    let lists: [[UInt8]] = [[0x91], [0xDC, 0, 1], [0xDD, 0, 0, 0, 1]]
    for list in lists {
      let decoded = Decoded(
        message + list + [0xDB, 0, 0, 0, 4] + Array("AAPL".utf8), messagePack: true)
      #expect(decoded.fault == nil)
      #expect(decoded.names == ["trades:AAPL"])
    }
  }

  /// A count of four thousand million with nothing behind it costs nothing.
  @Test func aCountThatTheMessageCannotHoldIsRefused() {
    #expect(Decoded([0xDF, 0xFF, 0xFF, 0xFF, 0xFF], messagePack: true).fault == .invalidSyntax)
    let list =
      [0x81, 0xA6] + Array("trades".utf8) + [0xDD, 0xFF, 0xFF, 0xFF, 0xFF]
    #expect(Decoded(list, messagePack: true).fault == .invalidSyntax)
  }

  @Test func everyCutOfAMessageIsRefused() {
    let message = ControlText.map([
      ("action", .string("subscribe")), ("trades", .names("AAPL", "MSFT")),
      ("since", .map([("AAPL", .list([.number(1), .number(300)]))])),
    ])
    for count in 0..<message.messagePack.count {
      let decoded = Decoded(Array(message.messagePack[..<count]), messagePack: true)
      #expect(decoded.fault == .invalidSyntax)
    }
    for count in 0..<message.json.count {
      #expect(
        Decoded(Array(message.json[..<count]), messagePack: false).fault == .invalidSyntax)
    }
  }
}
