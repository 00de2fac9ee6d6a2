/// Text (RFC 6455, 5.6 and 8.1): UTF-8 across any cut, and an end at the first wrong byte.
extension ConformanceTable {
  private static let valid: [(String, [UInt8])] = [
    ("the first of two bytes", [0xc2, 0x80]), ("the last of two bytes", [0xdf, 0xbf]),
    ("the first of three bytes", [0xe0, 0xa0, 0x80]),
    ("the last before surrogates", [0xed, 0x9f, 0xbf]),
    ("the first behind surrogates", [0xee, 0x80, 0x80]), ("a noncharacter", [0xef, 0xbf, 0xbf]),
    ("the first of four bytes", [0xf0, 0x90, 0x80, 0x80]), ("the last", [0xf4, 0x8f, 0xbf, 0xbf]),
    ("a zero byte", [0]),
  ]

  private static let wrong: [(String, [UInt8])] = [
    ("a continuation byte alone", [0x80]), ("a lead byte alone, in the middle", [0xc3, 0x41]),
    ("an overlong slash", [0xc0, 0xaf]), ("an overlong zero", [0xc1, 0x80]),
    ("overlong in three", [0xe0, 0x9f, 0xbf]), ("overlong in four", [0xf0, 0x8f, 0xbf, 0xbf]),
    ("a surrogate", [0xed, 0xa0, 0x80]), ("above U+10FFFF", [0xf4, 0x90, 0x80, 0x80]),
    ("five bytes", [0xf8, 0x88, 0x80, 0x80, 0x80]), ("FE", [0xfe]), ("FF", [0xff]),
  ]

  static let text: [ConformanceCase] =
    valid.map { (name, bytes) in
      .init("text: \(name)", "5.6", [Frame.text(bytes)], [.text(bytes)])
    }
    + wrong.map { (name, bytes) in
      .init(
        "text: \(name)", "8.1", [Frame.text(ascii("0123456789abcdef") + bytes)], [],
        .failed(1_007))
    } + [
      .init(
        "text that ends within a character", "8.1", [Frame.text([0xe2, 0x82])], [], .failed(1_007)),
      .init(
        "a character cut by fragments", "5.6",
        [Frame.text([0xe2], isFinal: false), Frame.more([0x82, 0xac], isFinal: true)],
        [.text([0xe2, 0x82, 0xac])]),
      .init(
        "a character cut by fragments and a ping", "5.6",
        [
          Frame.text([0xf0, 0x9f], isFinal: false), Frame.ping([0xff]),
          Frame.more([0x98], isFinal: false), Frame.more([0x80], isFinal: true),
        ], [.pong([0xff]), .text(ascii("😀"))]),
      .init(
        "fragments that end within a character", "8.1",
        [Frame.text([0xe2], isFinal: false), Frame.more([0x82], isFinal: true)], [],
        .failed(1_007)),
      .init(
        "an empty last fragment within a character", "8.1",
        [Frame.text([0xe2, 0x82], isFinal: false), Frame.more([], isFinal: true)], [],
        .failed(1_007)),
      .init(
        "a wrong byte in an unfinished message", "8.1", [Frame.text([0x61, 0xff], isFinal: false)],
        [], .failed(1_007)),
      .init(
        "a wrong byte in an unfinished frame", "8.1",
        [Array(Frame.text([0x61, 0x80] + noise(100)).prefix(8))], [], .failed(1_007)),
      .init(
        "a wrong byte in an unfinished frame of many", "8.1",
        [
          Frame.text([UInt8](repeating: 0x61, count: 40_000), isFinal: false),
          Array(Frame.more([0x62, 0xc0], isFinal: false).prefix(8)),
        ], [], .failed(1_007)),
      .init(
        "a wrong byte in the second fragment", "8.1",
        [Frame.text("a", isFinal: false), Frame.more([0xed, 0xa0], isFinal: false)], [],
        .failed(1_007)),
      .init(
        "a wrong message behind a right one", "8.1", [Frame.text("a") + Frame.text([0xff])],
        [.text(ascii("a"))], .failed(1_007)),
      .init(
        "no text, but binary", "5.6", [Frame.binary([0xff, 0xc0, 0xed, 0xa0])],
        [.binary([0xff, 0xc0, 0xed, 0xa0])]),
      .init(
        "100,000 characters of four bytes", "5.6",
        [Frame.text(String(repeating: "😀", count: 100_000))],
        [.text(ascii(String(repeating: "😀", count: 100_000)))]),
    ]
}
