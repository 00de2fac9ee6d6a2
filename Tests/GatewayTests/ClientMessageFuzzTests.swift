import MarketData
import TestSupport
import Testing

@testable import Gateway

@Suite struct ClientMessageFuzzTests {
  private static let keys = [
    "action", "key", "secret", "trades", "quotes", "orderbooks", "bars", "corrections", "news",
    "since", "depth", "snapshot", "interval_ms", "color", "", "a\u{301}",
  ]
  private static let texts = [
    "auth", "subscribe", "unsubscribe", "AAPL", "BTC/USD", "*", "", "bad name", "\u{1F4C8}", "\"\\",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456",
  ]

  private func value(_ random: inout SplitMix64, depth: Int) -> ControlText {
    switch random.next() % (depth > 4 ? 5 : 9) {
    case 0: .null
    case 1: .bool(random.next() % 2 == 0)
    case 2: .number(Int64(truncatingIfNeeded: random.next()) >> Int64(random.next() % 64))
    case 3, 4: .string(Self.texts[Int(random.next() % UInt64(Self.texts.count))])
    case 5: random.next() % 2 == 0 ? map(&random, depth: depth + 1) : since(&random)
    case 6: .list((0..<Int(random.next() % 4)).map { _ in value(&random, depth: depth + 1) })
    default:
      .list(
        (0..<Int(random.next() % 20)).map { _ in
          .string(Self.texts[Int(random.next() % 6)])
        })
    }
  }

  private func since(_ random: inout SplitMix64) -> ControlText {
    .map(
      (0..<Int(random.next() % 3)).map { _ in
        (
          Self.texts[Int(random.next() % 7)],
          .list((0..<2).map { _ in .number(Int64(truncatingIfNeeded: random.next()) >> 8) })
        )
      })
  }

  private func map(_ random: inout SplitMix64, depth: Int) -> ControlText {
    var pairs = (0..<Int(random.next() % 5)).map { _ in
      (Self.keys[Int(random.next() % UInt64(Self.keys.count))], value(&random, depth: depth))
    }
    // Else hardly any would get beyond its action.
    if random.next() % 2 == 0 {
      pairs.append(("action", .string(Self.texts[Int(random.next() % 3)])))
    }
    return .map(pairs)
  }

  /// Goal: a client gets the same answer in either encoding. Method: random trees of likely words.
  @Test(arguments: seeds(from: 1, count: 8))
  func bothEncodingsAgree(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var taken = 0
    for _ in 0..<2_000 {
      let message = map(&random, depth: 0)
      var (json, packed) = (
        Decoded(message.json, messagePack: false), Decoded(message.messagePack, messagePack: true)
      )
      json.reason = ""
      packed.reason = ""
      #expect(json == packed, "seed \(seed): \(message)")
      if json.fault == nil { taken += 1 }
    }
    #expect(taken > 100, "seed \(seed): the messages test too little")
  }

  /// Goal: bytes from anybody never trap. Method: good messages with bytes changed, cut out,
  /// doubled, cut off; and plain noise. What is taken must hold symbols only.
  @Test(arguments: seeds(from: 1, count: 8))
  func noBytesTrapTheDecoder(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<4_000 {
      let message = map(&random, depth: 0)
      for messagePack in [false, true] {
        var bytes = messagePack ? message.messagePack : message.json
        for _ in 0..<(1 + random.next() % 4) { spoil(&bytes, &random) }
        let decoded = Decoded(bytes, messagePack: messagePack)
        #expect((decoded.fault == nil) == (decoded.action != nil), "seed \(seed): \(bytes)")
        for name in decoded.names {
          let symbol = String(name.drop(while: { $0 != ":" }).dropFirst())
          #expect(symbol == "*" || SymbolName(symbol) != nil, "seed \(seed): \(bytes)")
        }
      }
    }
  }

  private func spoil(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
    guard !bytes.isEmpty else { return }
    let place = Int(random.next() % UInt64(bytes.count))
    switch random.next() % 5 {
    case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
    case 1: bytes.remove(at: place)
    case 2: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
    case 3: bytes.removeSubrange(place...)
    default: bytes = bytes.map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }
  }
}
