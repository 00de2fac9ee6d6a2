import Glibc
import TestSupport
import Testing

/// Goal: the private server that the other suites stand on does what they ask of it.
@Suite(.serialized) struct PrivatePostgresTests {
  @Test func serverStartsAnswersRestartsAndLeavesNothing() throws {
    let server = try PrivatePostgres()
    #expect(try server.psql("SELECT 1, 'a'") == "1|a")
    try server.psql("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    try server.restart()
    #expect(try server.psql("TABLE kept") == "7")
    server.kill()
    try server.start()
    #expect(try server.psql("TABLE kept") == "7")
    #expect(throws: PrivateServerError.self) { try server.psql("SELECT 1/0") }
    server.close()
    #expect(access(server.directory, F_OK) != 0)
  }

  @Test func standbyFollowsAndRefusesWrites() throws {
    let primary = try PrivatePostgres()
    defer { primary.close() }
    let standby = try PrivatePostgres(standbyOf: primary)
    defer { standby.close() }
    #expect(try standby.psql("SELECT pg_is_in_recovery()") == "t")
    #expect(throws: PrivateServerError.self) { try standby.psql("CREATE TABLE t (n int)") }
  }
}
