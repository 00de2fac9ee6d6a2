import PostgresClient
import Testing

@Suite struct LocationTests {
  @Test func descriptionShowsNoPassword() throws {
    let location = try PostgresLocation("postgresql://ann:s3cret@h1:1,h2:2/db?sslmode=disable")
    #expect("\(location)" == "postgresql://ann@h1:1,h2:2/db")
    #expect(location.password?.exposed == "s3cret")
    var dumped = ""
    dump(location, to: &dumped)
    #expect(!dumped.contains("s3cret") && !String(reflecting: location).contains("s3cret"))
  }

  @Test func bothFormsAreRead() throws {
    let socket = try PostgresLocation("postgresql:///db?host=/run/pg&user=u")
    #expect(socket.hosts.map(\.description) == ["/run/pg/.s.PGSQL.5432"])
    #expect(socket.database == "db" && socket.user == "u" && socket.password == nil)
    let words = try PostgresLocation("host=a,b port=1,2 dbname=d user=u password='p w'")
    #expect(words.hosts.map(\.description) == ["a:1", "b:2"])
    #expect(words.password?.exposed == "p w")
    let shared = try PostgresLocation("host=a,b port=7")
    #expect(shared.hosts.map(\.port) == [7, 7])
    let address = try PostgresLocation("host=name hostaddr=::1")
    #expect(address.hosts[0].address == "::1" && address.hosts[0].host == "name")
    #expect(try PostgresLocation("postgresql://").hosts[0].isSocket)
  }

  @Test func readWriteUnlessSaidOtherwise() throws {
    #expect(try PostgresLocation("host=a").sessionAttributes == "read-write")
    #expect(try PostgresLocation("host=a target_session_attrs=any").sessionAttributes == "any")
  }

  @Test(arguments: [
    "postgresql://ann:s3cret@h:99999/db", "postgresql://ann:s3cret@h:x/db", "s3cret",
    "host=h password=s3cret nonsense=1",
    "postgresql://ann:s3cret@h/db?target_session_attrs=standby",
    "host=a,b,c port=1,2 password=s3cret", "host=a hostaddr=1,2 password=s3cret", "host=a\0s3cret",
    "postgresql://ann:s3cret%zz@h/db", "http://ann:s3cret@h/",
  ]) func wrongStringsAreRefusedWithoutQuotingThem(text: String) {
    do {
      _ = try PostgresLocation(text)
      Issue.record("\(text) was taken")
    } catch {
      #expect(error.code == .location && !error.reason.isEmpty)
      #expect(!String(reflecting: error).contains("s3cret"))
    }
  }
}
