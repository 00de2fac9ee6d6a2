/// Why a text is not the JSON that was expected, and where.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Reason: String, Sendable {
    case unexpectedEnd = "the text ends too early"
    case expectedValue = "a value was expected"
    case expectedObject = "an object was expected"
    case expectedArray = "an array was expected"
    case expectedString = "a string was expected"
    case expectedNumber = "a number was expected"
    case expectedInteger = "an integer of 64 bits was expected"
    case expectedBoolean = "true or false was expected"
    case expectedKey = "a key in quotes was expected"
    case expectedColon = "':' was expected after the key"
    case expectedCommaOrBrace = "',' or '}' was expected"
    case expectedCommaOrBracket = "',' or ']' was expected"
    case controlCharacter = "a control character must be escaped in a string"
    case invalidEscape = "this escape does not exist"
    case loneSurrogate = "half a surrogate pair stands alone"
    case invalidUTF8 = "the bytes are not UTF-8"
    case invalidNumber = "this is not a number of JSON"
    case nestingTooDeep = "nested too deeply"
    case trailingBytes = "something follows the value"
  }

  public var reason: Reason
  /// Bytes before the place, from the beginning of the text.
  public var offset: Int

  public init(_ reason: Reason, offset: Int) {
    self.reason = reason
    self.offset = offset
  }

  public var description: String { "\(reason.rawValue), at byte \(offset)" }
}
