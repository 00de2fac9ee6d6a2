import FanOut
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
        .map([("color", option), ("action", .string("subscribe")), ("trades", .names("AAPL"))]))
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
    for decoded in Decoded.both(.map([("action", .string("subscribe")), ("color", deep)])) {
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

  @Test func choicesAreReadInAnyOrderOfKeys() {
    let since = ControlText.map([
      ("AAPL", .list([.number(1), .number(2)])), ("BTC/USD", .list([.number(0), .number(0)])),
      ("no symbol", .list([.number(3), .number(4)])),
      ("AAPL", .list([.number(7), .number(.max)])),
    ])
    let pairs: [(String, ControlText)] = [
      ("action", .string("subscribe")), ("depth", .number(5)), ("snapshot", .bool(true)),
      ("interval_ms", .number(60_000)), ("since", since), ("trades", .names("AAPL")),
    ]
    for order in permutations(pairs) {
      for decoded in Decoded.both(.map(order)) {
        #expect(decoded.fault == nil)
        #expect(decoded.names == ["trades:AAPL"])
        #expect(decoded.depth == .five && decoded.wantsSnapshot && decoded.interval == 60_000)
        #expect(decoded.since == ["AAPL 7 \(Int64.max)", "BTC/USD 0 0"])
      }
    }
  }

  @Test func theLargestNumbersAreTakenAndLargerOnesRefused() {
    func message(_ number: String) -> [UInt8] {
      Array("{\"action\":\"subscribe\",\"since\":{\"A\":[1,\(number)]}}".utf8)
    }
    let largest = Decoded(message("18446744073709551615"), messagePack: false)
    #expect(largest.fault == nil && largest.since == ["A 1 \(UInt64.max)"])
    for number in ["18446744073709551616", "99999999999999999999999", "1.0", "1e3", "-1", "-0"] {
      #expect(Decoded(message(number), messagePack: false).fault == .invalidSyntax, "\(number)")
    }
  }

  @Test func aChoiceThatMeansNothingIsRefusedByItsName() {
    let pair = ControlText.list([.number(1), .number(1)])
    let wrong: [(String, ControlText, String)] = [
      ("depth", .number(0), "\"depth\""), ("depth", .number(-1), "\"depth\""),
      ("depth", .list([.number(1)]), "\"depth\""), ("depth", .map([]), "\"depth\""),
      ("snapshot", .string("true"), "\"snapshot\""), ("snapshot", .null, "\"snapshot\""),
      ("interval_ms", .number(60_001), "\"interval_ms\""),
      ("interval_ms", .string("1"), "\"interval_ms\""),
      ("since", .list([]), "\"since\""), ("since", .null, "\"since\""),
      ("since", .map([("AAPL", .number(1))]), "since 1 (AAPL)"),
      ("since", .map([("AAPL", .list([]))]), "since 1 (AAPL)"),
      ("since", .map([("AAPL", .list([.number(1), .list([])]))]), "since 1 (AAPL)"),
      ("since", .map([("A B", .list([.null, .number(1)]))]), "since 1 is not"),
      ("since", .map([("A", pair), ("B", .string("x"))]), "since 2 (B)"),
    ]
    for (key, value, place) in wrong {
      for decoded in Decoded.both(.map([("action", .string("subscribe")), (key, value)])) {
        #expect(decoded.fault == .invalidSyntax, "\(key)")
        #expect(decoded.reason.hasPrefix(place), "\(decoded.reason)")
      }
    }
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
    try decode(
      .map([
        ("action", .string("subscribe")), ("depth", .number(1)), ("snapshot", .bool(true)),
        ("interval_ms", .number(5)), ("since", .map([("A", .list([.number(1), .number(1)]))])),
      ]), &message)
    try decode(.map([("action", .string("subscribe"))]), &message)
    #expect(message.choices.depth == nil && !message.choices.wantsSnapshot)
    #expect(message.choices.intervalMilliseconds == nil && message.since.isEmpty)
  }
}
