// Writes the head of an answer. Names and values come from our own code; still no line break in one
// can start a new header: control bytes are written as spaces.
import Glibc

struct ResponseHead {
  private var dateSecond: time_t = -1
  private var date: [UInt8] = []

  /// The whole answer: head and, unless the request was HEAD, body.
  mutating func bytes(
    of response: HTTPResponse, keepsAlive: Bool, withoutBody: Bool
  ) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(256 + (withoutBody ? 0 : response.body.count))
    out.append(contentsOf: "HTTP/1.1 ".utf8)
    out.append(contentsOf: String(response.status).utf8)
    out.append(UInt8(ascii: " "))
    out.append(contentsOf: ResponseHead.reason(response.status).utf8)
    out.append(contentsOf: "\r\ndate: ".utf8)
    refreshDate()
    out.append(contentsOf: date)
    for header in response.headers {
      out.append(contentsOf: "\r\n".utf8)
      ResponseHead.append(header.name, to: &out)
      out.append(contentsOf: ": ".utf8)
      ResponseHead.append(header.value, to: &out)
    }
    // A 204 has no length (RFC 9110, 8.6).
    if response.status != 204 {
      out.append(contentsOf: "\r\ncontent-length: ".utf8)
      out.append(contentsOf: String(response.body.count).utf8)
    }
    if !keepsAlive { out.append(contentsOf: "\r\nconnection: close".utf8) }
    out.append(contentsOf: "\r\n\r\n".utf8)
    if !withoutBody, response.status != 204 { out.append(contentsOf: response.body) }
    return out
  }

  private static func append(_ text: String, to out: inout [UInt8]) {
    for byte in text.utf8 { out.append(byte < 0x20 || byte == 0x7f ? 0x20 : byte) }
  }

  private mutating func refreshDate() {
    var now = time(nil)
    guard now != dateSecond else { return }
    dateSecond = now
    var parts = tm()
    gmtime_r(&now, &parts)
    let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    let months = [
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let text =
      "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) "
      + "\(parts.tm_year + 1900) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
    date = Array(text.utf8)
  }

  static func reason(_ status: Int) -> String {
    switch status {
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 304: "Not Modified"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 411: "Length Required"
    case 413: "Content Too Large"
    case 415: "Unsupported Media Type"
    case 422: "Unprocessable Content"
    case 426: "Upgrade Required"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 503: "Service Unavailable"
    default: "Status"
    }
  }
}
