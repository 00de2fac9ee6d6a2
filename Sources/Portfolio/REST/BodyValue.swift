// A request's body as a tree. It is small (`RESTLimits.bodyBytesMax`) and comes from anybody: first
// it must be JSON (400 with the place), then what it says is looked at (422 with the name).
import MarketData
import WebTransport

indirect enum BodyValue: Sendable, Equatable {
  case null
  case boolean(Bool)
  /// As it was written.
  case number(String)
  case string(String)
  case array([BodyValue])
  case object([Member])

  struct Member: Sendable, Equatable {
    let name: String
    let value: BodyValue
  }

  /// - Throws: 400 where the bytes are not JSON, 422 where an object names a member twice.
  static func parse(_ bytes: [UInt8]) throws(HTTPError) -> BodyValue {
    do throws(Fault) {
      return try bytes.span.bytes.withUnsafeBytes { (bytes) throws(Fault) in
        var reader = JSONReader(bytes)
        let value = try read(&reader)
        do throws(JSONError) { try reader.end() } catch { throw .malformed(error) }
        return value
      }
    } catch {
      switch error {
      case .malformed(let error):
        throw .badRequest("malformed JSON at byte \(error.offset): \(error.reason.rawValue)")
      case .twice(let name): throw .unprocessable("\(name): it is there twice")
      }
    }
  }

  private enum Fault: Error {
    case malformed(JSONError)
    case twice(String)
  }

  private static func read(_ reader: inout JSONReader) throws(Fault) -> BodyValue {
    do throws(JSONError) {
      guard reader.depth < RESTLimits.bodyNestingMax else { throw reader.failure(.nestingTooDeep) }
      switch try reader.peek() {
      case .null:
        try reader.null()
        return .null
      case .boolean: return .boolean(try reader.boolean())
      case .number: return .number(String(decoding: try reader.number(), as: UTF8.self))
      case .string: return .string(try reader.string().string)
      case .array, .object: break
      }
    } catch {
      throw .malformed(error)
    }
    return try readContainer(&reader)
  }

  private static func readContainer(_ reader: inout JSONReader) throws(Fault) -> BodyValue {
    func json<T>(_ body: () throws(JSONError) -> T) throws(Fault) -> T {
      do { return try body() } catch { throw .malformed(error) }
    }
    if case .array = try json({ () throws(JSONError) in try reader.peek() }) {
      var elements: [BodyValue] = []
      try json { () throws(JSONError) in try reader.beginArray() }
      while try json({ () throws(JSONError) in try reader.nextElement() }) {
        elements.append(try read(&reader))
      }
      return .array(elements)
    }
    var members: [Member] = []
    var names: Set<String> = []
    try json { () throws(JSONError) in try reader.beginObject() }
    while let name = try json({ () throws(JSONError) in try reader.nextKey()?.string }) {
      guard names.insert(name).inserted else { throw .twice(name) }
      members.append(Member(name: name, value: try read(&reader)))
    }
    return .object(members)
  }
}
