// Reads a request out of libwebsockets' header table. Only within a callback: the table goes away with
// the request.
import CLibwebsockets

enum RequestReading {
  /// lws keeps the target of a request under a token of its method.
  private static let methods: [(HTTPMethod, lws_token_indexes)] = [
    (.get, WSI_TOKEN_GET_URI), (.post, WSI_TOKEN_POST_URI), (.put, WSI_TOKEN_PUT_URI),
    (.patch, WSI_TOKEN_PATCH_URI), (.delete, WSI_TOKEN_DELETE_URI), (.head, WSI_TOKEN_HEAD_URI),
    (.options, WSI_TOKEN_OPTIONS_URI),
  ]

  /// Headers that lws has a token for; all others are found by name.
  private static let tokens: [String: lws_token_indexes] = [
    "host": WSI_TOKEN_HOST, "origin": WSI_TOKEN_ORIGIN, "accept": WSI_TOKEN_HTTP_ACCEPT,
    "user-agent": WSI_TOKEN_HTTP_USER_AGENT, "content-type": WSI_TOKEN_HTTP_CONTENT_TYPE,
    "authorization": WSI_TOKEN_HTTP_AUTHORIZATION, "cookie": WSI_TOKEN_HTTP_COOKIE,
    "if-none-match": WSI_TOKEN_HTTP_IF_NONE_MATCH, "x-forwarded-for": WSI_TOKEN_X_FORWARDED_FOR,
    "connection": WSI_TOKEN_CONNECTION, "upgrade": WSI_TOKEN_UPGRADE,
    "content-length": WSI_TOKEN_HTTP_CONTENT_LENGTH,
    "transfer-encoding": WSI_TOKEN_HTTP_TRANSFER_ENCODING,
    "sec-websocket-key": WSI_TOKEN_KEY, "sec-websocket-version": WSI_TOKEN_VERSION,
    "sec-websocket-protocol": WSI_TOKEN_PROTOCOL, "referer": WSI_TOKEN_HTTP_REFERER,
    "accept-encoding": WSI_TOKEN_HTTP_ACCEPT_ENCODING,
    "accept-language": WSI_TOKEN_HTTP_ACCEPT_LANGUAGE,
    "cache-control": WSI_TOKEN_HTTP_CACHE_CONTROL, "pragma": WSI_TOKEN_HTTP_PRAGMA,
    "if-modified-since": WSI_TOKEN_HTTP_IF_MODIFIED_SINCE, "range": WSI_TOKEN_HTTP_RANGE,
    "expect": WSI_TOKEN_HTTP_EXPECT, "if-match": WSI_TOKEN_HTTP_IF_MATCH, "te": WSI_TOKEN_TE,
    "x-real-ip": WSI_TOKEN_HTTP_X_REAL_IP, "from": WSI_TOKEN_HTTP_FROM, "via": WSI_TOKEN_HTTP_VIA,
  ]

  /// Where lws has a header.
  enum Place {
    case token(lws_token_indexes)
    /// In lower case with the colon, as lws_hdr_custom_copy wants it.
    case name(String)

    init(_ header: String) {
      if let token = RequestReading.tokens[header] {
        self = .token(token)
      } else {
        self = .name(header + ":")
      }
    }
  }

  /// Nil when absent.
  static func header(_ wsi: OpaquePointer, _ place: Place) -> String? {
    switch place {
    case .token(let token):
      let length = lws_hdr_total_length(wsi, token)
      guard length > 0 else { return nil }
      return text(length) { lws_hdr_copy(wsi, $0, $1, token) }
    case .name(let name):
      let count = Int32(name.utf8.count)
      let length = lws_hdr_custom_length(wsi, name, count)
      guard length >= 0 else { return nil }
      return text(length) { lws_hdr_custom_copy(wsi, $0, $1, name, count) }
    }
  }

  private static func text(
    _ length: Int32, _ copy: (UnsafeMutablePointer<CChar>, Int32) -> Int32
  ) -> String? {
    withUnsafeTemporaryAllocation(byteCount: Int(length) + 8, alignment: 1) { memory in
      let start = memory.baseAddress!.assumingMemoryBound(to: CChar.self)
      let count = copy(start, Int32(memory.count))
      guard count >= 0 else { return nil }
      var value = memory[0..<min(Int(count), memory.count)]
      while let last = value.last, last == 0x20 || last == 0x09 { value = value.dropLast() }
      return String(decoding: value, as: UTF8.self)
    }
  }

  /// Method, path and arguments.
  static func target(
    _ wsi: OpaquePointer
  ) -> Result<(HTTPMethod, String, [HTTPRequest.Argument]), HTTPError> {
    guard let (method, token) = methods.first(where: { lws_hdr_total_length(wsi, $0.1) > 0 }) else {
      return .failure(.notImplemented)
    }
    // lws takes an encoded end of line within the target for the end of the request line: what follows
    // would be a header, and the version is missing. (Only a tail of `%0AHTTP/1.1` brings one along;
    // it is cut off, and no header can follow it.)
    guard header(wsi, .token(WSI_TOKEN_HTTP))?.hasPrefix("HTTP/1.") == true else {
      return .failure(noVersion)
    }
    guard let pieces = fragments(wsi, token) else { return .failure(notText) }
    // lws cuts the path at `&` and `;`, which no route of ours has.
    let path = pieces.joined(separator: ";")
    var query: [HTTPRequest.Argument] = []
    if lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS) > 0 {
      guard let arguments = fragments(wsi, WSI_TOKEN_HTTP_URI_ARGS) else {
        return .failure(notText)
      }
      // A lone `?` comes as the argument "/".
      query = arguments == ["/"] ? [] : arguments.compactMap(argument)
    }
    return .success((method, path, query))
  }

  /// `name=value`, decoded by lws; it writes an encoded `=` within the name as `_`.
  static func argument(_ piece: String) -> HTTPRequest.Argument? {
    guard !piece.isEmpty else { return nil }
    let bytes = piece.utf8
    guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")) else {
      return .init(name: piece, value: "")
    }
    return .init(
      name: String(piece[..<equals]), value: String(piece[bytes.index(after: equals)...]))
  }

  private static let notText = HTTPError.badRequest(
    "the request target is not UTF-8 or has control characters")

  private static let noVersion = HTTPError.badRequest(
    "the request line has no HTTP/1 version, or its target has an end of line in it")

  /// Nil when a piece is not UTF-8 or has control characters in it.
  private static func fragments(_ wsi: OpaquePointer, _ token: lws_token_indexes) -> [String]? {
    let room = Int(lws_hdr_total_length(wsi, token)) + 8
    return withUnsafeTemporaryAllocation(byteCount: room, alignment: 1) { memory in
      let start = memory.baseAddress!.assumingMemoryBound(to: CChar.self)
      var pieces: [String] = []
      while true {
        let count = lws_hdr_copy_fragment(wsi, start, Int32(room), token, Int32(pieces.count))
        guard count >= 0 else { return pieces }
        let bytes = memory[0..<Int(count)]
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }),
          let piece = String(validating: bytes, as: UTF8.self)
        else { return nil }
        pieces.append(piece)
      }
    }
  }
}
