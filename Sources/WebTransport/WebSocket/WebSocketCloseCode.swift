/// The codes this layer closes with (RFC 6455, 7.4.1).
public enum WebSocketCloseCode {
  public static let normal: UInt16 = 1_000
  public static let goingAway: UInt16 = 1_001
  public static let protocolError: UInt16 = 1_002
  public static let unsupportedData: UInt16 = 1_003
  /// Never on the wire: the peer's close frame had no code.
  public static let none: UInt16 = 1_005
  /// Never on the wire: the connection ended without a close frame.
  public static let abnormal: UInt16 = 1_006
  public static let invalidText: UInt16 = 1_007
  /// A bound of ours, such as the queue of control messages.
  public static let policy: UInt16 = 1_008
  public static let messageTooBig: UInt16 = 1_009
  public static let internalError: UInt16 = 1_011
  /// The server restarts: come back, here or to another one (IANA's registry of close codes).
  public static let serviceRestart: UInt16 = 1_012
  /// The memory for unfinished messages is used up.
  public static let tryAgainLater: UInt16 = 1_013

  /// Whether a peer may send it: those of RFC 6455 and of IANA's registry (1012 to 1014), libraries' and
  /// applications' own. The rest is reserved or says what no frame can say.
  static func isValid(_ code: UInt16) -> Bool {
    switch code {
    case 1_000...1_003, 1_007...1_014, 3_000...4_999: true
    default: false
    }
  }
}
