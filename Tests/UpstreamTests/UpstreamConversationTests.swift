import MarketData
import TestSupport
import Testing

@testable import Upstream

/// The conversation step by step: no socket, no clock.
@Suite struct UpstreamConversationTests {
  private let credentials = UpstreamCredentials(key: "K", secret: "S\"\\\n")

  private func conversation(
    _ symbols: String = "AAPL,MSFT", credentials: UpstreamCredentials? = nil
  ) throws -> UpstreamConversation {
    UpstreamConversation(
      credentials: credentials,
      subscription: try UpstreamSubscription(symbols: symbols, channels: "trades,quotes"))
  }

  private let subscribe = Array(
    "{\"action\":\"subscribe\",\"trades\":[\"AAPL\",\"MSFT\"],\"quotes\":[\"AAPL\",\"MSFT\"]}".utf8)

  @Test func logsInSubscribesAndIsLive() throws {
    var conversation = try conversation(credentials: credentials)
    #expect(!conversation.takesData)
    let auth = "{\"action\":\"auth\",\"key\":\"K\",\"secret\":\"S\\\"\\\\\\u000a\"}"
    do {
      let action = conversation.received(.success("connected"))
      #expect(action == .send(Array(auth.utf8)))
    }
    do {
      let action = conversation.received(.success("authenticated"))
      #expect(action == .send(subscribe))
    }
    #expect(conversation.takesData)
    do {
      let action = conversation.received(.data)
      #expect(action == nil)
    }
    do {
      let action = conversation.received(.subscription)
      #expect(action == .becomeLive)
    }
    do {
      let action = conversation.received(.data)
      #expect(action == nil)
    }
    do {
      let action = conversation.received(.subscription)
      #expect(action == nil)
    }
  }

  @Test func withoutCredentialsItSubscribesAtOnce() throws {
    var conversation = try conversation()
    do {
      let action = conversation.received(.success("connected"))
      #expect(action == .send(subscribe))
    }
    do {
      let action = conversation.received(.subscription)
      #expect(action == .becomeLive)
    }
  }

  @Test func eachPartOfALongListWaitsForItsAcknowledgement() throws {
    let names = (0..<3_000).map { "SYMBOL.\($0)" }
    var conversation = try conversation(names.joined(separator: ","))
    var action = conversation.received(.success("connected"))
    var asked: [String] = []
    var parts = 0
    while case .send(let bytes) = action {
      #expect(bytes.count <= 16 * 1_024)
      parts += 1
      let text = String(decoding: bytes, as: UTF8.self)
      let trades = try #require(text.split(separator: "[")[1].split(separator: "]").first)
      asked += trades.split(separator: ",").map { String($0.dropFirst().dropLast()) }
      action = conversation.received(.subscription)
    }
    #expect(action == .becomeLive)
    #expect(asked == names)
    #expect(parts > 1)
  }

  @Test func anotherOrderIsABreach() throws {
    let early: [UpstreamMessage] = [.subscription, .data, .gap(symbol: "*")]
    for message in early {
      var conversation = try conversation(credentials: credentials)
      guard case .end(let fault) = conversation.received(message) else {
        Issue.record("\(message) was taken")
        continue
      }
      #expect(fault.retry == .soon)
    }
    var conversation = try conversation(credentials: credentials)
    _ = conversation.received(.success("connected"))
    guard case .end = conversation.received(.success("connected")) else {
      Issue.record("a second connected was taken")
      return
    }
  }

  @Test(arguments: [
    (402, UpstreamFault.Retry.slow, "the key or its secret is wrong"),
    (401, .slow, "401"), (406, .slow, "in use elsewhere"), (409, .slow, "plan"),
    (400, .slow, "400"), (404, .soon, "404"), (407, .soon, "407"), (500, .soon, "500"),
    (999, .soon, "999"), (405, .slow, "405"), (410, .slow, "410"),
  ])
  func refusals(code: Int64, retry: UpstreamFault.Retry, words: String) throws {
    var conversation = try conversation(credentials: credentials)
    _ = conversation.received(.success("connected"))
    if code == 405 || code == 410 { _ = conversation.received(.success("authenticated")) }
    guard case .end(let fault) = conversation.received(.error(code: code, text: "words")) else {
      Issue.record("\(code) did not end it")
      return
    }
    #expect(fault.retry == retry)
    #expect(fault.description.contains(words))
    #expect(fault.description.contains("\"words\""))
    #expect(!fault.description.contains("S\""))
  }

  @Test func aPartThatIsRefusedLeavesTheOthers() throws {
    let names = (0..<1_000).map { "SYMBOL.\($0)" }.joined(separator: ",")
    var conversation = try conversation(names)
    _ = conversation.received(.success("connected"))
    var action = conversation.received(.subscription)
    var refused = 0
    while case .send = action {
      refused += 1
      action = conversation.received(.error(code: 405, text: "symbol limit exceeded"))
    }
    #expect(action == .becomeLive)
    #expect(refused > 0)
    #expect(conversation.refusals == refused)
    let later = conversation.received(.error(code: 405, text: "x"))
    #expect(later == .note("the server refuses with 405 \"x\""))
  }

  @Test func credentialsShowThemselvesToNobody() throws {
    let credentials = try #require(UpstreamCredentials(key: "kkkk", secret: "ssss"))
    var dumped = ""
    dump(credentials, to: &dumped)
    for text in ["\(credentials)", String(reflecting: credentials), dumped] {
      #expect(!text.contains("kkkk") && !text.contains("ssss"))
    }
    #expect(UpstreamCredentials(key: "", secret: "s") == nil)
  }

  @Test(arguments: ["", "aapl", "A B", "AAPL;", String(repeating: "A", count: 33)])
  func symbolsThatAreNone(text: String) {
    #expect(throws: UpstreamSubscription.Fault.self) {
      try UpstreamSubscription(symbols: text, channels: "trades")
    }
  }

  @Test func subscriptionsAreReadFromLists() throws {
    let read = try UpstreamSubscription(
      symbols: " AAPL, MSFT,AAPL,", channels: "trades,bars,trades")
    #expect(read.symbols == ["AAPL", "MSFT"])
    #expect(read.channels == [.trades, .bars])
    #expect(try UpstreamSubscription(symbols: "A,*", channels: "trades").symbols == ["*"])
    #expect(throws: UpstreamSubscription.Fault.badChannel("news")) {
      try UpstreamSubscription(symbols: "A", channels: "news")
    }
  }
}
