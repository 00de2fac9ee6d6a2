// What a client presents, taken apart. Pure.
//
// HTTP: `APCA-API-KEY-ID` with `APCA-API-SECRET-KEY`, `Authorization: Basic base64(key:secret)`, or
// `Authorization: Bearer <session id>.<secret>`. Stream: `key` and `secret`, or the key `oauth` with
// the bearer token as its secret. Whatever cannot be anybody's is told apart here, before any look-up.
public import ServiceSupport

public enum PresentedCredentials: Sendable, Hashable {
  case key(id: String, secret: PresentedSecret)
  /// A session's bearer token, in its two parts.
  case session(id: String, secret: PresentedSecret)
}

/// A secret as it came: its text shows nowhere.
public struct PresentedSecret: Sendable, Hashable, CustomStringConvertible,
  CustomDebugStringConvertible, CustomReflectable
{
  private let text: String

  public init(_ text: String) { self.text = text }

  /// What is compared; the text itself is needed nowhere.
  public var digest: SHA256Digest { SHA256Digest(of: text) }

  public var description: String { "***" }
  public var debugDescription: String { "***" }
  public var customMirror: Mirror { Mirror(self, children: []) }
}

/// What a request's headers hold.
public enum CredentialPresence: Sendable, Hashable {
  /// No header of credentials at all: 401, and nobody's failure.
  case absent
  /// Something that can be nobody's credentials.
  case malformed
  case present(PresentedCredentials)
}

extension PresentedCredentials {
  /// Reads the headers by their lower-case names. The APCA pair goes before `Authorization`; half a
  /// pair is malformed.
  public static func read(_ header: (String) -> String?) -> CredentialPresence {
    let id = header("apca-api-key-id")
    let secret = header("apca-api-secret-key")
    if id != nil || secret != nil {
      guard let id, let secret else { return .malformed }
      return presence(key(id: id, secret: secret))
    }
    guard let authorization = header("authorization") else { return .absent }
    return presence(read(authorization: authorization))
  }

  /// Of the stream's `auth` message.
  public static func read(streamKey: String, secret: String) -> PresentedCredentials? {
    streamKey == "oauth" ? bearer(secret) : key(id: streamKey, secret: secret)
  }

  /// Nil when no key has such an id or secret.
  public static func key(id: String, secret: String) -> PresentedCredentials? {
    guard isKeyID(id), 1...CredentialsLimits.secretBytesMax ~= secret.utf8.count else { return nil }
    return .key(id: id, secret: PresentedSecret(secret))
  }

  /// `<id>.<secret>`; nil when no session has such a token.
  public static func bearer(_ token: String) -> PresentedCredentials? {
    let parts = token.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, isSessionID(parts[0]),
      parts[1].utf8.count == Base64.urlCount(bytes: CredentialsLimits.secretBytes),
      parts[1].utf8.allSatisfy(Base64.isURLDigit)
    else { return nil }
    return .session(id: String(parts[0]), secret: PresentedSecret(String(parts[1])))
  }

  /// Whether a key can have this id: as the schema's domain `token_id`.
  public static func isKeyID(_ id: some StringProtocol) -> Bool {
    1...CredentialsLimits.keyIDBytesMax ~= id.utf8.count
      && id.utf8.allSatisfy(Base64.isURLDigit)
  }

  /// Whether a session can have this id.
  public static func isSessionID(_ id: some StringProtocol) -> Bool {
    id.utf8.count == Base64.urlCount(bytes: CredentialsLimits.sessionIDBytes)
      && id.utf8.allSatisfy(Base64.isURLDigit)
  }

  private static func presence(_ found: PresentedCredentials?) -> CredentialPresence {
    found.map { .present($0) } ?? .malformed
  }

  /// RFC 9110, 11.4: the scheme in any case, one or more spaces, the rest.
  private static func read(authorization value: String) -> PresentedCredentials? {
    guard value.utf8.count <= CredentialsLimits.headerBytesMax,
      let space = value.firstIndex(of: " ")
    else { return nil }
    let rest = value[space...].drop { $0 == " " }
    switch value[..<space].lowercased() {
    case "bearer": return bearer(String(rest))
    case "basic":
      guard let bytes = Base64.decode(rest),
        let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
        let id = String(validating: bytes[..<colon], as: UTF8.self),
        let secret = String(validating: bytes[bytes.index(after: colon)...], as: UTF8.self)
      else { return nil }
      return key(id: id, secret: secret)
    default: return nil
    }
  }
}
