import MarketData
import TestSupport
import Testing

@testable import Upstream

@Suite struct UpstreamMessageTests {
  private func read(_ text: String) throws -> [(String, String)] {
    var list: [(String, String)] = []
    var bytes = Array(text.utf8)
    try bytes.withUnsafeMutableBytes { raw in
      try UpstreamMessage.forEach(in: UnsafeRawBufferPointer(raw)) { message, element in
        list.append(("\(message)", String(decoding: element, as: UTF8.self)))
        return true
      }
    }
    return list
  }

  @Test func aFrameIsTakenApart() throws {
    let frame = """
      [ {"T":"t","S":"A","p":1} , {"E":1,"N":2,"T":"q"},{"T":"success","msg":"connected"},
      {"msg":"no","code":402,"T":"error"},{"T":"subscription","trades":["A"]},
      {"T":"gap","S":"A","c":"trades","missed":null},{"T":"stale","S":"A"},{"T":7},{},5,"x"]
      """
    let list = try read(frame)
    #expect(
      list.map(\.0) == [
        "data", "data", "success(\"connected\")", "error(code: 402, text: \"no\")", "subscription",
        "gap(symbol: \"A\")", "data", "data", "data", "data", "data",
      ])
    #expect(list[0].1 == "{\"T\":\"t\",\"S\":\"A\",\"p\":1}")
    #expect(list[1].1 == "{\"E\":1,\"N\":2,\"T\":\"q\"}")
  }

  @Test func aServersTextIsPrintableAndShort() throws {
    let list = try read(
      "[{\"T\":\"error\",\"code\":1,\"msg\":\"a\\u0007\\u001b\(String(repeating: "x", count: 500))\"}]"
    )
    #expect(list[0].0.contains("a??xxx"))
    #expect(list[0].0.utf8.count < 180)
  }

  @Test(arguments: [
    "", "{}", "[", "[{]", "[{}", "[{}]x", "[{\"T\":\"error\",\"code\":1.5}]", "null", "[{\"a\":}]",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
  ])
  func malformedFramesAreErrors(text: String) {
    #expect(throws: JSONError.self) { try read(text) }
  }

  @Test func mutatedFramesNeverTrap() throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SplitMix64(seed: seed)
    let frame = Array(
      "[{\"T\":\"success\",\"msg\":\"connected\"},{\"T\":\"error\",\"code\":402,\"msg\":\"x\"},{\"T\":\"t\"}]"
        .utf8)
    for _ in 0..<20_000 {
      var bytes = frame
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(
          in: 0...255, using: &random)
      }
      bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random) / 4)
      _ = try? read(String(decoding: bytes, as: UTF8.self))
    }
  }
}
