// The document at `/asyncapi.json`: AsyncAPI 3.0, written from the tables that the code goes by
// (`MessageTable`, `StreamChannel`, `StreamError`, `GatewayLimits`) and from the shapes beside this
// file. It does not change while a process runs.
//
// A frame is an array. Those of values hold any number of them, with `stale` and `gap` among them; what
// the server says besides comes alone. Each frame is described twice, as JSON and as MessagePack: the
// same schema, but times are MessagePack's timestamps there.
import MarketData
import WebTransport

enum AsyncAPI {
  static let route = "/asyncapi.json"

  static let document: [UInt8] = {
    var writer = JSONWriter()
    writer.object { writer in
      writer.field("asyncapi", "3.0.0")
      writer.key("info")
      writer.object { info(&$0) }
      writer.field("defaultContentType", Encoding.json.contentType)
      writer.key("servers")
      writer.object { servers(&$0) }
      writer.key("channels")
      writer.object { writer in
        for path in AssetClass.allCases { channel(path, &writer) }
      }
      writer.key("operations")
      writer.object { writer in
        for path in AssetClass.allCases { operations(path, &writer) }
      }
      writer.key("components")
      writer.object { components(&$0) }
    }
    return writer.bytes()
  }()

  private static func info(_ writer: inout JSONWriter) {
    writer.field("title", "Tapedeck streams")
    writer.field("version", "1")
    writer.field(
      "description",
      "Prices as they come, in the protocol of Alpaca's SDKs and with additions that these pass over. "
        + "Connect, authenticate within \(GatewayLimits.authenticationMilliseconds / 1_000) s, "
        + "subscribe. A frame is JSON text, or MessagePack when the upgrade's Content-Type asks for "
        + "it. Requests over HTTP are described at /openapi.json, where they are served.")
  }

  // MARK: - Servers

  private static func servers(_ writer: inout JSONWriter) {
    for (name, scheme, words) in [
      ("plain", "ws", "Without TLS."), ("secure", "wss", "With TLS, where it is configured."),
    ] {
      writer.key(name)
      writer.object { writer in
        writer.field("host", "{host}")
        writer.field("protocol", scheme)
        writer.field("description", words)
        writer.key("variables")
        writer.object { writer in
          writer.key("host")
          writer.object { writer in
            writer.field("default", "127.0.0.1:8080")
            writer.field("description", "Host and port of a gateway.")
          }
        }
        writer.key("security")
        writer.array(securitySchemes) { writer, scheme in
          writer.object { $0.field("$ref", "#/components/securitySchemes/\(scheme.name)") }
        }
      }
    }
  }

  private static let securitySchemes: [(name: String, members: [(String, String)])] = [
    (
      "message",
      [("type", "userPassword"), ("description", "Key and secret in the message authenticate.")]
    ),
    (
      "key",
      [
        ("type", "httpApiKey"), ("in", "header"), ("name", "APCA-API-KEY-ID"),
        ("description", "A key of the upgrade, with its secret in APCA-API-SECRET-KEY."),
      ]
    ),
    ("basic", [("type", "http"), ("scheme", "basic")]),
    ("bearer", [("type", "http"), ("scheme", "bearer")]),
  ]

  // MARK: - Channels and operations

  private static func name(_ path: AssetClass) -> String { path == .stock ? "stocks" : "crypto" }

  private static func channel(_ path: AssetClass, _ writer: inout JSONWriter) {
    let parameter = path == .stock ? "feed" : "location"
    writer.key(name(path))
    writer.object { writer in
      writer.field(
        "address", path == .stock ? "/v2/{\(parameter)}" : "/v1beta3/crypto/{\(parameter)}")
      writer.field(
        "description",
        path == .stock ? "Symbols without a slash." : "Symbols with a slash, as BTC/USD.")
      writer.key("parameters")
      writer.object { writer in
        writer.key(parameter)
        writer.object { writer in
          writer.field("description", "There is one market here, whatever it is called.")
          writer.key("examples")
          writer.array(path == .stock ? ["iex", "sip"] : ["us"]) { $0.string($1) }
        }
      }
      writer.key("messages")
      writer.object { writer in
        for frame in frames(path) {
          for encoding in Encoding.allCases {
            writer.key(frame.key(encoding))
            writer.object { $0.field("$ref", "#/components/messages/\(frame.key(encoding))") }
          }
        }
      }
      writer.key("bindings")
      writer.object { binding(&$0) }
    }
  }

  /// What an upgrade may carry.
  private static func binding(_ writer: inout JSONWriter) {
    writer.key("ws")
    writer.object { writer in
      writer.field("bindingVersion", "0.1.0")
      writer.field("method", "GET")
      writer.key("headers")
      writer.schema(
        .object([
          .init(
            name: "Content-Type", schema: .text(), isRequired: false,
            summary: "\(Encoding.messagePack.contentType): binary frames, both ways. Else text."),
          .init(name: "APCA-API-KEY-ID", schema: .text(), isRequired: false),
          .init(name: "APCA-API-SECRET-KEY", schema: .text(), isRequired: false),
          .init(name: "Authorization", schema: .text(), isRequired: false),
        ]))
    }
  }

  private static func operations(_ path: AssetClass, _ writer: inout JSONWriter) {
    for isSent in [true, false] {
      writer.key(name(path) + (isSent ? "Told" : "Asked"))
      writer.object { writer in
        writer.field("action", isSent ? "send" : "receive")
        writer.field(
          "summary", isSent ? "What the server tells a client." : "What a client may ask for.")
        writer.key("channel")
        writer.object { $0.field("$ref", "#/channels/\(name(path))") }
        writer.key("messages")
        writer.array { writer in
          for frame in frames(path) where frame.isSent == isSent {
            for encoding in Encoding.allCases {
              writer.object {
                $0.field("$ref", "#/channels/\(name(path))/messages/\(frame.key(encoding))")
              }
            }
          }
        }
      }
    }
  }

  // MARK: - Frames

  private enum Encoding: CaseIterable {
    case json, messagePack

    var contentType: String {
      switch self {
      case .json: "application/json"
      case .messagePack: "application/msgpack"
      }
    }
  }

  /// What goes over the wire in one piece.
  private struct Frame {
    let name: String
    let summary: String
    let isSent: Bool
    let payload: Schema

    func key(_ encoding: Encoding) -> String { encoding == .json ? name : "\(name)Packed" }
  }

  private static func frames(_ path: AssetClass) -> [Frame] {
    let values = MessageTable.all.filter { $0.isCarried(by: path) }.map(\.name)
    let among = ControlShape.amongValues.map(\.name)
    let data = Frame(
      name: path == .stock ? "stockValues" : "cryptoValues",
      summary: "Values, oldest first, and what is to be known about them.", isSent: true,
      payload: .array(.anyOf((values + among).map { .named($0) }), counts: 1...valuesMax))
    let alone = (ControlShape.alone + [.subscription(path)]).map { shape in
      Frame(
        name: shape.name, summary: shape.summary, isSent: true,
        payload: .array(.named(shape.name), counts: 1...1))
    }
    let asked = clientShapes(path).map { shape in
      Frame(
        name: shape.name, summary: shape.summary, isSent: false, payload: .named(shape.name))
    }
    return [data] + alone + asked
  }

  /// Messages of one frame: it is at most 256 KiB, and no message is under 32 bytes.
  private static let valuesMax = 8_192

  private static func clientShapes(_ path: AssetClass) -> [ClientShapes.Shape] {
    [ClientShapes.authenticate, ClientShapes.subscribe(path), ClientShapes.unsubscribe(path)]
  }

  // MARK: - Components

  private static func components(_ writer: inout JSONWriter) {
    writer.key("messages")
    writer.object { writer in
      var written: Set<String> = []
      for frame in AssetClass.allCases.flatMap({ frames($0) })
      where written.insert(frame.name).inserted {
        for encoding in Encoding.allCases { message(frame, encoding, &writer) }
      }
    }
    writer.key("schemas")
    writer.object { schemas(&$0) }
    writer.key("securitySchemes")
    writer.object { writer in
      for scheme in securitySchemes {
        writer.key(scheme.name)
        writer.object { writer in
          for (name, value) in scheme.members { writer.field(name, value) }
        }
      }
    }
  }

  private static func message(
    _ frame: Frame, _ encoding: Encoding, _ writer: inout JSONWriter
  ) {
    writer.key(frame.key(encoding))
    writer.object { writer in
      writer.field("name", frame.name)
      writer.field("summary", frame.summary)
      writer.field("contentType", encoding.contentType)
      if encoding == .messagePack {
        writer.field(
          "description",
          "A member of format date-time is a timestamp (extension -1). Prices are float64, other "
            + "numbers integers where they are whole.")
      }
      writer.key("payload")
      writer.schema(frame.payload)
    }
  }

  private static let snapshotMark = MessageField.optional(
    "snapshot", .flag, "True: the newest when the client subscribed, as it asked; no new event.")

  private static func schemas(_ writer: inout JSONWriter) {
    for shape in MessageTable.all {
      writer.key(shape.name)
      let members = shape.members + (shape.isChained ? [snapshotMark] : [])
      writer.schema(.object(members.map(\.member)), summary: shape.summary)
    }
    let control =
      ControlShape.alone + AssetClass.allCases.map { ControlShape.subscription($0) }
      + ControlShape.amongValues
    for shape in control {
      writer.key(shape.name)
      writer.schema(.object(shape.members.map(\.member)), summary: shape.summary)
    }
    var written: Set<String> = []
    for shape in AssetClass.allCases.flatMap({ clientShapes($0) })
    where written.insert(shape.name).inserted {
      writer.key(shape.name)
      writer.schema(shape.schema, summary: shape.summary)
    }
  }
}
