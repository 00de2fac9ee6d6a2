// What the official SDKs do not know: profiles and sessions.
import Credentials
import ServiceSupport
import WebTransport

extension RouteTable {
  private static let profileAnswer = Route.Success.ok(Answers.profile.reference, "The profile.")
  private static let profileMissing = HTTPError.notFound("profile not found")
  private static let noProfile = [(status: 404, summary: "The user has no profile.")]

  static let ownRoutes: [Route] = [
    Route(
      method: .get, pattern: "/v1/profile", operation: "get_profile",
      summary: "The user's profile.",
      success: profileAnswer, errors: noProfile
    ) { call in
      guard let json = try await call.service.profiles.json(of: call.owner) else {
        throw profileMissing
      }
      return .json(json)
    },
    Route(
      method: .patch, pattern: "/v1/profile", operation: "change_profile",
      summary: "Changes the profile; what is left out stays.",
      parameters: [Parameters.displayName, Parameters.locale, Parameters.timeZone],
      success: profileAnswer, errors: noProfile
    ) { call in
      let change = ProfileChange(
        displayName: call[Parameters.displayName], locale: call[Parameters.locale],
        timeZone: call[Parameters.timeZone])
      guard let json = try await call.service.profiles.change(change, of: call.owner) else {
        throw profileMissing
      }
      return .json(json)
    },
    Route(
      method: .post, pattern: "/v1/sessions", operation: "open_session",
      summary: "Opens a session for the key that asks. Its token is shown here and never again.",
      success: .ok(
        Answers.session.reference, "The session; its token goes into Authorization: Bearer."),
      errors: [(403, "A session was presented: only a key opens sessions.")]
    ) { call in
      let session = try await call.service.authority.createSession(for: call.owner)
      var response = try HTTPResponse.json(
        Answers.session,
        ShownSession(
          id: session.id, token: session.bearer.reveal(),
          idleSeconds: Int64(session.idleSeconds)))
      response.headers.append(.init(name: "cache-control", value: "no-store"))
      return response
    },
    Route(
      method: .delete, pattern: "/v1/sessions/{session_id}", operation: "end_session",
      summary: "Ends a session of the user.", parameters: [Parameters.sessionID],
      success: .noContent("It has ended.")
    ) { call in
      try await call.service.authority.endSession(
        call.arguments.required(Parameters.sessionID), by: call.owner)
      return HTTPResponse(status: 204)
    },
  ]
}
