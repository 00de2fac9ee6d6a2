/// Control frames and closing (RFC 6455, 5.5 and 7).
extension ConformanceTable {
  static let control: [ConformanceCase] =
    [0, 1, 4, 124, 125].map {
      .init("a ping of \($0) bytes", "5.5.3", [Frame.ping(noise($0))], [.pong(noise($0))])
    } + [
      .init(
        "a ping of bytes that are no text", "5.5.2", [Frame.ping([0, 255, 254, 253])],
        [.pong([0, 255, 254, 253])]),
      .init(
        "ten pings at once", "5.5.3", [(0..<10).flatMap { Frame.ping([$0]) }],
        (0..<10).map { .pong([$0]) }),
      .init(
        "ten pings one by one", "5.5.3", (0..<10).map { Frame.ping([$0]) },
        (0..<10).map { .pong([$0]) }),
      .init(
        "a ping behind a message", "5.5.2", [Frame.text("a") + Frame.ping([9])],
        [.text(ascii("a")), .pong([9])]),
      .init(
        "a ping cut in every place", "5.5.2", Frame.ping([1, 2, 3]).map { [$0] },
        [.pong([1, 2, 3])]),
      .init("a pong that nobody asked for", "5.5.3", [Frame.pong(noise(125))], []),
      .init("an empty pong that nobody asked for", "5.5.3", [Frame.pong()], []),
      .init(
        "a pong and a ping", "5.5.3", [Frame.pong([1]) + Frame.ping([2])], [.pong([2])]),
      .init("a ping of 126 bytes", "5.5", [Frame.ping(noise(126))], [], .failed(1_002)),
      .init("a ping of 65,536 bytes", "5.5", [Frame.ping(noise(65_536))], [], .failed(1_002)),
      .init("a pong of 126 bytes", "5.5", [Frame.pong(noise(126))], [], .failed(1_002)),
      .init(
        "a close of 126 bytes", "5.5", [Frame.close(1_000, [UInt8](repeating: 97, count: 124))],
        [], .failed(1_002)),
      .init(
        "a ping with its length in 16 bits", "5.5",
        [[0x89, 0xfe, 0, 5, 0, 0, 0, 0, 1, 2, 3, 4, 5]],
        [], .failed(1_002)),
      .init("a ping in fragments", "5.5", [Frame.strange(0x09, [1])], [], .failed(1_002)),
      .init("a pong in fragments", "5.5", [Frame.strange(0x0a)], [], .failed(1_002)),
      .init("a close in fragments", "5.5", [Frame.strange(0x08, [3, 232])], [], .failed(1_002)),
      .init(
        "a ping in fragments within a message", "5.5",
        [Frame.text("a", isFinal: false) + Frame.strange(0x09, [1])], [], .failed(1_002)),
    ]

  static let closing: [ConformanceCase] =
    [
      1_000, 1_001, 1_002, 1_003, 1_007, 1_008, 1_009, 1_010, 1_011, 1_012, 1_013, 1_014, 3_000,
      3_999, 4_000, 4_999,
    ].map { (code: UInt16) in
      .init("close \(code)", "7.4", [Frame.close(code, ascii("bye"))], [], .closed(code))
    }
    + [
      0, 1, 999, 1_004, 1_005, 1_006, 1_015, 1_016, 1_100, 2_000, 2_999, 5_000, 65_535,
    ].map { (code: UInt16) in
      .init("close \(code), which is none", "7.4", [Frame.close(code)], [], .failed(1_002))
    } + [
      .init("close without a code", "7.1.5", [RawSocketClose.empty], [], .closed(nil)),
      .init("a close of one byte", "5.5.1", [Frame.strange(0x88, [3])], [], .failed(1_002)),
      .init("close without a reason", "5.5.1", [Frame.close(1_000)], [], .closed(1_000)),
      .init(
        "the longest reason", "5.5.1", [Frame.close(1_000, [UInt8](repeating: 97, count: 123))],
        [], .closed(1_000)),
      .init(
        "a reason that is not UTF-8", "5.5.1", [Frame.close(1_000, [0x61, 0xff])], [],
        .failed(1_007)),
      .init(
        "a reason cut within a character", "5.5.1", [Frame.close(1_000, [0xe2, 0x82])], [],
        .failed(1_007)),
      .init(
        "a close cut in every place", "5.5.1", Frame.close(1_000, ascii("bye")).map { [$0] }, [],
        .closed(1_000)),
      .init(
        "a message, a close", "5.5.1", [Frame.text("a") + Frame.close(1_000)],
        [.text(ascii("a"))], .closed(1_000)),
      .init(
        "a message after the close", "5.5.1", [Frame.close(1_000) + Frame.text("a")], [],
        .closed(1_000)),
      .init(
        "a ping after the close", "5.5.1", [Frame.close(1_000), Frame.ping()], [], .closed(1_000)),
      .init(
        "a second close", "5.5.1", [Frame.close(1_000) + Frame.close(1_001)], [],
        .closed(1_000)),
      .init(
        "garbage after the close", "5.5.1", [Frame.close(3_000) + noise(5_000)], [],
        .closed(3_000)),
      .init(
        "a ping before the close", "5.5.2", [Frame.ping([1]) + Frame.close(1_000)], [.pong([1])],
        .closed(1_000)),
      .init(
        "a message and a ping after a breach", "7.1.7",
        [Frame.text("a") + Frame.strange(0x83) + Frame.text("b") + Frame.ping()],
        [.text(ascii("a"))], .failed(1_002)),
    ]

  /// A close frame without a payload.
  private enum RawSocketClose { static let empty = Frame.strange(0x88) }
}
