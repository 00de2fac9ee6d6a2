import PostgresClient
import Testing

@Suite struct LocationTests {
  @Test func descriptionShowsNoPassword() throws {
    let location = try PostgresLocation("postgresql://ann:s3cret@h1:1,h2:2/db?sslmode=disable")
    #expect("\(location)" == "postgresql://ann@h1:1,h2:2/db")
    var dumped = ""
    dump(location, to: &dumped)
    #expect(!dumped.contains("s3cret") && !String(reflecting: location).contains("s3cret"))
  }
}
