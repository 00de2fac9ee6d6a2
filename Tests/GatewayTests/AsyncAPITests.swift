// The document about the streams, and that what writes the server's own messages goes by it.
import FanOut
import Foundation
import MarketData
import Testing

@testable import Gateway

@Suite struct AsyncAPITests {
  private func document() throws -> [String: Any] {
    let data = Data(AsyncAPI.document)
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  private func names(_ document: [String: Any], _ part: String) throws -> Set<String> {
    let components = try #require(document["components"] as? [String: [String: Any]])
    return Set(try #require(components[part]).keys)
  }

  @Test func everyReferenceLeadsSomewhere() throws {
    let document = try document()
    let text = String(decoding: AsyncAPI.document, as: UTF8.self)
    let references = text.matches(of: /"\$ref":"#\/([^"]+)"/).map { String($0.1) }
    #expect(references.count > 50)
    for reference in Set(references) {
      var place: Any? = document
      for step in reference.split(separator: "/") {
        place = (place as? [String: Any])?[String(step)]
      }
      #expect(place != nil, "\(reference)")
    }
  }

  @Test func everyMessageOfTheTablesIsInIt() throws {
    let schemas = try names(try document(), "schemas")
    #expect(schemas.isSuperset(of: MessageTable.all.map(\.name)))
    #expect(schemas.isSuperset(of: ["stale", "gap", "success", "error"]))
    // Each channel but lulds, which no source of ours has.
    let carried = Set(MessageTable.all.map(\.channel))
    #expect(Set(StreamChannel.allCases).subtracting(carried) == [.lulds])
    let text = String(decoding: AsyncAPI.document, as: UTF8.self)
    for error in StreamError.allCases {
      #expect(text.contains("\(error.rawValue): \(error.message)"))
    }
  }

  /// Keys and kinds of what is written against what the document says.
  private func hold(_ bytes: [UInt8], _ shape: ControlShape) throws {
    try bytes.withUnsafeBytes { raw in
      var reader = JSONReader(raw)
      try reader.beginArray()
      while try reader.nextElement() {
        var keys: [String] = []
        try reader.beginObject()
        while let key = try reader.nextKey() {
          let name = key.string
          keys.append(name)
          let field = try #require(shape.members.first { $0.name == name }, "\(shape.name).\(name)")
          if field.isNullable, try reader.peek() == .null {
            try reader.null()
          } else {
            #expect(try field.kind.matches(&reader), "\(shape.name).\(name)")
          }
        }
        #expect(keys == shape.members.map(\.name), "\(shape.name)")
      }
      try reader.end()
    }
  }

  @Test func whatTheServerSaysIsAsTheDocumentSays() throws {
    for word in ["connected", "authenticated"] as [StaticString] {
      try hold(written { ControlMessage.success(word, .json, into: &$0) }, .success)
    }
    for error in StreamError.allCases {
      try hold(
        written { ControlMessage.error(error, reason: "a \"b\"", .json, into: &$0) }, .error)
    }
    try hold(
      written { ControlMessage.shutdown(reconnectMilliseconds: 1_250, .json, into: &$0) },
      .shutdown)
    for path in AssetClass.allCases {
      let held = path == .stock ? "AAPL" : "BTC/USD"
      let lists = SubscriptionLists(
        path: path, names: StreamChannel.allCases.map { _ in [SymbolName(held)!] },
        wildcards: StreamChannel.allCases.map { _ in true })
      try hold(written { lists.write(.json, into: &$0) }, .subscription(path))
    }
    for channel in StreamChannel.allCases {
      let name = TopicDirectory.Name(symbol: SymbolName("AAPL")!, channel: channel, path: .stock)
      let since = Timestamp(nanoseconds: 1_795_242_180_123_456_789)
      try hold(
        written { ControlMessage.staleNotices([name, name], since: since, .json, into: &$0) },
        .stale)
    }
  }
}
