/// Messages put together by hand from the published layout, field by field: none comes from the
/// writer that is tested with them. Each with its two bytes of length.
enum ITCHGolden {
  static func bytes(_ hex: String) -> [UInt8] {
    let digits = hex.filter { !$0.isWhitespace }
    return stride(from: 0, to: digits.count, by: 2).map { offset in
      let start = digits.index(digits.startIndex, offsetBy: offset)
      return UInt8(digits[start..<digits.index(start, offsetBy: 2)], radix: 16)!
    }
  }

  // Type, locate 258, tracking 0, 34,200,000,000,001 ns: 9:30:00.000000001.
  private static func head(_ type: String) -> String { "\(type) 0102 0000 1F1A CED9 F001" }

  // "AAPL    " and 189.97 dollars.
  private static let stock = "4141504C20202020"
  private static let price = "001CFCB4"

  static let add = bytes("0024 \(head("41")) 0000000000000005 42 00000064 \(stock) \(price)")
  static let attributed = bytes(
    "0028 \(head("46")) 0000000000000006 53 0000000A \(stock) \(price) 4E534451")
  static let execute = bytes("001F \(head("45")) 0000000000000005 00000007 0000000000000309")
  static let executeAtPrice = bytes(
    "0024 \(head("43")) 0000000000000005 00000007 000000000000030A 59 \(price)")
  static let cancel = bytes("0017 \(head("58")) 0000000000000005 00000001")
  static let delete = bytes("0013 \(head("44")) FFFFFFFFFFFFFFFE")
  static let replace = bytes(
    "0023 \(head("55")) 0000000000000005 0000000000000007 000000C8 001CFD18")
  static let trade = bytes(
    "002C \(head("50")) 0000000000000000 42 00000064 \(stock) \(price) 000000000000030B")
  static let cross = bytes(
    "0028 \(head("51")) 0000000100000000 \(stock) \(price) 000000000000030C 4F")
  static let broken = bytes("0013 \(head("42")) 0000000000000309")
  static let event = bytes("000C 53 0000 0000 1F1A CED9 F001 51")
  static let directory = bytes(
    "0027 \(head("52")) \(stock) 51 4E 00000064 4E 43 5A20 50 4E 4E 31 4E 00000000 4E")
  static let halt = bytes("0019 \(head("48")) \(stock) 48 20 54312020")

  static let all = [
    add, attributed, execute, executeAtPrice, cancel, delete, replace, trade, cross, broken, event,
    directory, halt,
  ]
}
