/// Framing: headers, lengths, masks, fragments (RFC 6455, 5.1 to 5.4, and 5.6).
extension ConformanceTable {
  static let framing: [ConformanceCase] =
    [0, 1, 125, 126, 127, 128, 511, 512, 513, 65_535, 65_536, 100_000].map {
      .init("binary of \($0) bytes", "5.2", [Frame.binary(noise($0))], [.binary(noise($0))])
    } + [
      .init(
        "the largest message, 1 MiB", "5.2", [Frame.binary(noise(1 << 20))],
        [.binary(noise(1 << 20))]),
      .init(
        "one byte more than 1 MiB", "7.4.1", [Frame.binary(noise(1 << 20 + 1))], [],
        .failed(1_009)),
      .init(
        "a petabyte is announced", "7.4.1", [[0x82, 0xff, 0, 4, 0, 0, 0, 0, 0, 0]], [],
        .failed(1_009)),
      .init(
        "fragments of more than 1 MiB", "7.4.1",
        [
          Frame.binary(noise(700_000), isFinal: false), Frame.more(noise(348_577), isFinal: true),
        ], [], .failed(1_009)),
      .init("an empty text", "5.6", [Frame.text("")], [.text([])]),
      .init("a text in UTF-8", "5.6", [Frame.text("κόσμε 😀")], [.text(ascii("κόσμε 😀"))]),
      .init(
        "two messages at once", "5.2", [Frame.text("a") + Frame.binary([1])],
        [.text(ascii("a")), .binary([1])]),
      .init(
        "a header cut in every place", "5.2",
        Frame.binary(noise(300)).map { [$0] }, [.binary(noise(300))]),
      // The mask.
      .init(
        "a mask of zeros", "5.3", [Frame.binary([7, 8, 9], lengthBytes: 2)], [], .failed(1_002)),
      .init(
        "a mask of zeros where it is right", "5.3",
        [[0x82, 0x83, 0, 0, 0, 0, 7, 8, 9]], [.binary([7, 8, 9])]),
      .init("a text without a mask", "5.1", [[0x81, 0x01, 0x61]], [], .failed(1_002)),
      .init("an empty frame without a mask", "5.1", [[0x82, 0x00]], [], .failed(1_002)),
      .init("a ping without a mask", "5.1", [[0x89, 0x00]], [], .failed(1_002)),
      .init("a close without a mask", "5.1", [[0x88, 0x02, 0x03, 0xe8]], [], .failed(1_002)),
      .init(
        "a mask, and then none", "5.1", [Frame.text("a"), [0x81, 0x01, 0x61]], [.text(ascii("a"))],
        .failed(1_002)),
      // Lengths.
      .init(
        "125 bytes by 16 bits of length", "5.2", [Frame.binary(noise(125), lengthBytes: 2)], [],
        .failed(1_002)),
      .init(
        "126 bytes by 16 bits of length", "5.2", [Frame.binary(noise(126), lengthBytes: 2)],
        [.binary(noise(126))]),
      .init(
        "nothing by 64 bits of length", "5.2", [Frame.binary([], lengthBytes: 8)], [],
        .failed(1_002)),
      .init(
        "65,535 bytes by 64 bits of length", "5.2",
        [Frame.binary(noise(65_535), lengthBytes: 8)], [], .failed(1_002)),
      .init(
        "65,536 bytes by 64 bits of length", "5.2",
        [Frame.binary(noise(65_536), lengthBytes: 8)], [.binary(noise(65_536))]),
      .init(
        "the length's top bit", "5.2",
        [[0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]], [], .failed(1_002)),
      .init(
        "the length's top bit, told at its byte", "5.2", [[0x82, 0xff, 0x80]], [],
        .failed(1_002)),
    ]
    // RSV bits and opcodes.
    + [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70].map { (bits: UInt8) in
      .init(
        "RSV bits \(bits >> 4)", "5.2", [Frame.text("a") + Frame.strange(0x81 | bits, [0x62])],
        [.text(ascii("a"))], .failed(1_002))
    } + [
      .init("RSV bits of a ping", "5.2", [Frame.strange(0xc9)], [], .failed(1_002)),
      .init("RSV bits of a close", "5.2", [Frame.strange(0xa8, [3, 232])], [], .failed(1_002)),
      .init("RSV bits, and no second byte", "5.2", [[0xc1]], [], .failed(1_002)),
    ]
    + [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map { (opcode: UInt8) in
      .init(
        "reserved opcode \(opcode)", "5.2",
        [Frame.text("a") + Frame.strange(0x80 | opcode, [1]) + Frame.ping()],
        [.text(ascii("a"))], .failed(1_002))
    }

  static let fragments: [ConformanceCase] = [
    .init(
      "two fragments", "5.4",
      [Frame.text("ab", isFinal: false), Frame.more([0x63], isFinal: true)],
      [.text(ascii("abc"))]),
    .init(
      "two fragments in one segment", "5.4",
      [Frame.text("ab", isFinal: false) + Frame.more([0x63], isFinal: true)],
      [.text(ascii("abc"))]),
    .init(
      "fragments that are all empty", "5.4",
      [
        Frame.binary([], isFinal: false), Frame.more([], isFinal: false),
        Frame.more([], isFinal: true),
      ], [.binary([])]),
    .init(
      "the content in the middle fragment", "5.4",
      [
        Frame.binary([], isFinal: false), Frame.more([5], isFinal: false),
        Frame.more([], isFinal: true),
      ], [.binary([5])]),
    .init(
      "a thousand fragments", "5.4",
      [
        Frame.binary([], isFinal: false)
          + noise(1_000).flatMap { Frame.more([$0], isFinal: false) }
          + Frame.more([], isFinal: true)
      ], [.binary(noise(1_000))]),
    .init(
      "a ping between fragments", "5.4",
      [Frame.text("a", isFinal: false), Frame.ping([1, 2]), Frame.more([0x62], isFinal: true)],
      [.pong([1, 2]), .text(ascii("ab"))]),
    .init(
      "a pong between fragments", "5.5.3",
      [Frame.text("a", isFinal: false) + Frame.pong([1]) + Frame.more([0x62], isFinal: true)],
      [.text(ascii("ab"))]),
    .init(
      "a close between fragments", "5.5.1", [Frame.text("a", isFinal: false), Frame.close(1_001)],
      [], .closed(1_001)),
    .init(
      "a continuation of nothing", "5.4", [Frame.more([1], isFinal: true)], [], .failed(1_002)),
    .init(
      "a continuation of nothing that goes on", "5.4", [Frame.more([], isFinal: false)], [],
      .failed(1_002)),
    .init(
      "a continuation after a whole message", "5.4",
      [Frame.text("a") + Frame.more([0x62], isFinal: true)], [.text(ascii("a"))], .failed(1_002)),
    .init(
      "a continuation after the last fragment", "5.4",
      [
        Frame.text("a", isFinal: false) + Frame.more([], isFinal: true)
          + Frame.more([], isFinal: true)
      ], [.text(ascii("a"))], .failed(1_002)),
    .init(
      "a text within a text", "5.4", [Frame.text("a", isFinal: false), Frame.text("b")], [],
      .failed(1_002)),
    .init(
      "a binary within a text", "5.4", [Frame.text("a", isFinal: false) + Frame.binary([1])], [],
      .failed(1_002)),
    .init(
      "the beginning of a text within a binary", "5.4",
      [Frame.binary([1], isFinal: false), Frame.text("b", isFinal: false)], [], .failed(1_002)),
    .init(
      "a first fragment, then another message begins and ends", "5.4",
      [
        Frame.text("a", isFinal: false), Frame.ping(), Frame.binary([2], isFinal: false),
        Frame.more([], isFinal: true),
      ], [.pong([])], .failed(1_002)),
  ]
}
