// Replay control over HTTP: `GET /v1/replay` tells where the play is, `POST /v1/replay` takes a command.
// For the demo: whoever controls the play controls what every client sees, so a request must come from
// this machine; who asks is for the caller to check before.
package import WebTransport

package struct ReplayDoor: Sendable {
  package static let path = "/v1/replay"

  private let ingest: IngestService

  /// The ingester must outlive the requests.
  package init(_ ingest: IngestService) { self.ingest = ingest }

  /// 200 with the play's state, also after a command; 400 for a body that is no JSON, 403 from another
  /// machine, 413, 415, 422 with the name of what does not fit, 503 when the feed cannot be read.
  package func answer(_ request: HTTPRequest) async -> HTTPResponse {
    do throws(HTTPError) {
      guard request.remoteAddress.isLoopback else {
        throw .forbidden("the replay is controlled from the machine that it runs on")
      }
      if let argument = request.query.first {
        throw .badRequest("\(argument.name.prefix(64)): there is no such parameter")
      }
      let status =
        request.method == .post ? try await command(request) : await ingest.replayStatus()
      guard let status else { throw .notFound("there is no replay: the feed is live") }
      var response = HTTPResponse.json(status.json)
      response.headers.append(.init(name: "cache-control", value: "no-store"))
      return response
    } catch {
      return .error(error)
    }
  }

  private func command(_ request: HTTPRequest) async throws(HTTPError) -> ReplayStatus {
    guard ReplayDoor.isJSON(request.header("content-type")) else {
      // A page of another site can send a form from this machine's browser, but no JSON.
      throw HTTPError(
        status: 415, code: 41_510_000, message: "content-type must be application/json")
    }
    guard request.body.count <= IngestLimits.replayBodyBytesMax else {
      throw .bodyTooLarge(max: IngestLimits.replayBodyBytesMax)
    }
    do throws(ReplayRefusal) {
      return try await ingest.replay(try ReplayCommand(json: request.body))
    } catch {
      switch error {
      case .malformed(let words): throw .badRequest(words)
      case .unprocessable(let words): throw .unprocessable(words)
      case .unreadable(let words): throw .unavailable(words)
      }
    }
  }

  /// `application/json`, with parameters or without.
  private static func isJSON(_ contentType: String?) -> Bool {
    guard let contentType else { return false }
    let essence = contentType.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }
    return essence.lowercased() == "application/json"
  }
}
