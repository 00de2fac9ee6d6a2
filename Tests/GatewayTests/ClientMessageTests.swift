import MarketData
import TestSupport
import Testing

@testable import Gateway

@Suite struct ClientMessageTests {
  private func permutations<T>(_ items: [T]) -> [[T]] {
    guard let last = items.last else { return [[]] }
    return permutations(items.dropLast()).flatMap { rest in
      (0...rest.count).map { place in
        var all = rest
        all.insert(last, at: place)
        return all
      }
    }
  }

  @Test func authenticationIsReadInAnyOrderOfKeys() {
    let pairs: [(String, ControlText)] = [
      ("action", .string("auth")), ("key", .string("demo")), ("secret", .string("s\u{e9}cr\"t")),
    ]
    for order in permutations(pairs) {
      for decoded in Decoded.both(.map(order)) {
        #expect(decoded.fault == nil)
        #expect(decoded.action == .authenticate)
        #expect(decoded.key == "demo")
        #expect(decoded.secret == "s\u{e9}cr\"t")
      }
    }
  }

  @Test(arguments: ["subscribe", "unsubscribe"])
  func listsAreReadInAnyOrderOfKeys(action: String) {
    let pairs: [(String, ControlText)] = [
      ("action", .string(action)), ("trades", .names("AAPL", "*")),
      ("quotes", .names("BTC/USD")), ("orderbooks", .list([])),
    ]
    for order in permutations(pairs) {
      for decoded in Decoded.both(.map(order)) {
        #expect(decoded.fault == nil)
        #expect(decoded.action == (action == "subscribe" ? .subscribe : .unsubscribe))
        #expect(Set(decoded.names) == ["trades:AAPL", "trades:*", "quotes:BTC/USD"])
      }
    }
  }

  @Test func everyChannelIsKnownAndFollowersChangeNothing() {
    var pairs = StreamChannel.allCases.map { ("\($0.name)", ControlText.names("AAPL")) }
    pairs.append(("corrections", .names("AAPL")))
    pairs.append(("cancelErrors", .list([.number(1)])))
    pairs.append(("action", .string("subscribe")))
    for decoded in Decoded.both(.map(pairs)) {
      #expect(decoded.fault == nil)
      #expect(decoded.names == StreamChannel.allCases.map { "\($0.name):AAPL" })
    }
  }

  @Test func unknownOptionsAreIgnoredAndUnknownListsRefused() {
    let options: [ControlText] = [
      .string("x"), .number(-5), .bool(true), .null,
      .map([("AAPL", .list([.number(1), .number(2)]))]),
    ]
    for option in options {
      for decoded in Decoded.both(
        .map([("since", option), ("action", .string("subscribe")), ("trades", .names("AAPL"))]))
      {
        #expect(decoded.fault == nil)
        #expect(decoded.names == ["trades:AAPL"])
      }
    }
    for decoded in Decoded.both(
      .map([("action", .string("subscribe")), ("news", .names("AAPL"))]))
    {
      #expect(decoded.fault == .invalidSubscribeAction)
    }
  }

  @Test(arguments: [
    "", "aapl", "AAPL ", "A\u{e9}", "A\"B", "**", "A*",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456",  // 33 bytes
  ])
  func aNameThatIsNoSymbolIsRefusedAndItsPlaceIsTold(name: String) {
    let message = ControlText.map([
      ("action", .string("subscribe")), ("trades", .names("AAPL")),
      ("quotes", .names("AAPL", name, "MSFT")),
    ])
    for decoded in Decoded.both(message) {
      #expect(decoded.fault == .invalidSyntax)
      #expect(decoded.reason.hasPrefix("quotes name 2 is not a symbol"))
    }
  }

  @Test func theLongestSymbolIsTaken() {
    let name = String(repeating: "A", count: 32)
    for decoded in Decoded.both(
      .map([("action", .string("subscribe")), ("trades", .names(name))]))
    {
      #expect(decoded.names == ["trades:\(name)"])
    }
  }

  @Test func tenThousandSymbolsAreTaken() {
    let names = (0..<10_000).map { "SYM\($0)" }
    let message = ControlText.map([
      ("trades", .list(names.map { .string($0) })),
      ("quotes", .list(names.map { .string($0) })), ("action", .string("subscribe")),
    ])
    for decoded in Decoded.both(message) {
      #expect(decoded.fault == nil)
      #expect(decoded.names.count == 20_000)
      #expect(decoded.names.last == "quotes:SYM9999")
    }
  }

  @Test func namesAreBounded() {
    let names = ControlText.list(
      Array(repeating: .string("A"), count: ClientMessage.entriesMax + 1))
    for decoded in Decoded.both(.map([("trades", names), ("action", .string("subscribe"))])) {
      #expect(decoded.fault == .symbolLimitExceeded)
    }
  }

  @Test func credentialsAreBounded() {
    let fits = String(repeating: "k", count: ClientMessage.credentialBytesMax)
    for (key, fault) in [(fits, nil), (fits + "k", StreamError.invalidSyntax)] {
      for decoded in Decoded.both(
        .map([("action", .string("auth")), ("key", .string(key)), ("secret", .string(""))]))
      {
        #expect(decoded.fault == fault)
      }
    }
  }

  /// RFC 8259 leaves it open: here lists add up, and of single values the last counts.
  @Test func keysThatRepeatAreReadAlikeInBothEncodings() {
    for decoded in Decoded.both(
      .map([
        ("action", .string("unsubscribe")), ("trades", .names("A")), ("key", .string("one")),
        ("trades", .names("B", "A")), ("action", .string("subscribe")), ("key", .string("two")),
      ]))
    {
      #expect(decoded.fault == nil)
      #expect(decoded.action == .subscribe)
      #expect(decoded.names == ["trades:A", "trades:B", "trades:A"])
      #expect(decoded.key == "two")
    }
  }

  @Test func whatIsNoMessageIsInvalidSyntax() {
    let messages: [ControlText] = [
      .list([]), .string("subscribe"), .number(7), .null, .map([]),
      .map([("trades", .names("AAPL"))]),
      .map([("action", .string("listen"))]),
      .map([("action", .number(1))]),
      .map([("action", .string("auth")), ("key", .number(1))]),
      .map([("action", .string("subscribe")), ("trades", .string("AAPL"))]),
      .map([("action", .string("subscribe")), ("trades", .list([.number(1)]))]),
      .map([("action", .string("subscribe")), ("trades", .list([.names("AAPL")]))]),
      .map([("action", .string("subscribe")), ("trades", .null)]),
      .list([.map([("action", .string("subscribe"))])]),
    ]
    for message in messages {
      for decoded in Decoded.both(message) { #expect(decoded.fault == .invalidSyntax) }
    }
  }

  @Test func nestingIsBounded() {
    var deep = ControlText.null
    for level in 0..<40 { deep = level % 2 == 0 ? .list([deep]) : .map([("x", deep)]) }
    for decoded in Decoded.both(.map([("action", .string("subscribe")), ("since", deep)])) {
      #expect(decoded.fault == .invalidSyntax)
    }
  }

  @Test func whatFollowsTheMessageIsRefused() {
    let message = ControlText.map([("action", .string("subscribe"))])
    #expect(Decoded(message.json + [0x20, 0x0A], messagePack: false).fault == nil)
    #expect(Decoded(message.json + [0x7B], messagePack: false).fault == .invalidSyntax)
    #expect(Decoded(message.messagePack + [0xC0], messagePack: true).fault == .invalidSyntax)
    #expect(Decoded([], messagePack: false).fault == .invalidSyntax)
    #expect(Decoded([], messagePack: true).fault == .invalidSyntax)
  }

  /// A decoder is used again for each message: nothing of the one before may remain.
  @Test func aMessageLeavesNothingToTheNext() throws {
    var message = ClientMessage()
    func decode(_ text: ControlText, _ message: inout ClientMessage) throws {
      try text.json.withUnsafeBytes { try message.decodeJSON($0) }
    }
    try decode(
      .map([("action", .string("auth")), ("key", .string("k")), ("trades", .names("A"))]),
      &message)
    #expect(throws: ClientMessageFault.self) { try decode(.map([]), &message) }
    #expect(message.action == nil)
    #expect(message.key.isEmpty)
    #expect(message.entries.isEmpty)
    #expect(message.text.count == 0)
  }
}
