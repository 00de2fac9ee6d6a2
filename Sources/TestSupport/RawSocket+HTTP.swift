// Reads HTTP answers off a RawSocket.

/// An answer as it came.
public struct RawAnswer: Equatable, Sendable {
  public var status: Int
  /// Lower-case names.
  public var headers: [String: String]
  public var body: [UInt8]

  public var text: String { String(decoding: body, as: UTF8.self) }
}

extension RawSocket {
  /// The next answer; its length is from content-length. Nil when the connection ends or nothing
  /// comes. `withoutBody` for an answer to HEAD.
  public func readAnswer(milliseconds: Int32 = 5_000, withoutBody: Bool = false) -> RawAnswer? {
    while true {
      if let end = headEnd() {
        let head = String(decoding: pending[..<end], as: UTF8.self)
        let lines = head.split(separator: "\r\n")
        guard let first = lines.first else { return nil }
        let words = first.split(separator: " ", maxSplits: 2)
        guard words.count >= 2, let status = Int(words[1]) else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
          let parts = line.split(separator: ":", maxSplits: 1)
          guard let name = parts.first else { continue }
          let value = parts.count > 1 ? parts[1].drop { $0 == " " } : ""
          headers[name.lowercased()] = String(value)
        }
        pending.removeFirst(end + 4)
        let length = withoutBody ? 0 : Int(headers["content-length"] ?? "0") ?? 0
        guard let body = read(length, milliseconds: milliseconds) else { return nil }
        return RawAnswer(status: status, headers: headers, body: body)
      }
      guard receive(milliseconds: milliseconds) else { return nil }
    }
  }

  private func headEnd() -> Int? {
    guard pending.count >= 4 else { return nil }
    for index in 0...(pending.count - 4)
    where pending[index] == 13 && pending[index + 1] == 10 && pending[index + 2] == 13
      && pending[index + 3] == 10
    {
      return index
    }
    return nil
  }

  /// Sends a request with the headers every client has and reads the answer.
  public func request(
    _ method: String, _ target: String, headers: String = "", body: String? = nil
  ) -> RawAnswer? {
    var text = "\(method) \(target) HTTP/1.1\r\nHost: test\r\n\(headers)"
    if let body { text += "Content-Length: \(body.utf8.count)\r\n" }
    text += "\r\n\(body ?? "")"
    guard send(text) else { return nil }
    return readAnswer(withoutBody: method == "HEAD")
  }
}
