import RedisClient
import Testing

@Suite struct URLTests {
  @Test func tcpURLsGiveTheirParts() throws {
    let full = try RedisURL("redis://me:p%40ss@redis.example:6380/3")
    #expect(full.address == .tcp(host: "redis.example", port: 6_380))
    #expect(full.user == "me" && full.password == Secret("p@ss") && full.database == 3)
    let short = try RedisURL("redis://localhost")
    #expect(short == RedisURL(address: .tcp(host: "localhost", port: 6_379)))
    #expect(try RedisURL("redis://:x@[::1]:7/").address == .tcp(host: "::1", port: 7))
    #expect(try RedisURL("redis://:x@h").user == nil)
    #expect(try RedisURL("REDIS://h:1/2").database == 2)
  }

  @Test func unixURLsGiveTheirParts() throws {
    let plain = try RedisURL("unix:///run/redis.sock")
    #expect(plain == RedisURL(address: .unix(path: "/run/redis.sock")))
    let full = try RedisURL("unix://me:p%2Fw@/run/a%20b.sock?db=5")
    #expect(full.address == .unix(path: "/run/a b.sock"))
    #expect(full.user == "me" && full.password?.exposed == "p/w" && full.database == 5)
  }

  @Test(arguments: [
    ("localhost:6379", "scheme"), ("http://h", "scheme"), ("redis://", "host"),
    ("redis://:1", "host"), ("redis://h:0", "port"), ("redis://h:65536", "port"),
    ("redis://h:+1", "port"), ("redis://h:12x", "port"), ("redis://h/x", "path"),
    ("redis://h/-1", "path"), ("redis://h?db=1", "query"), ("redis://h/1?x=2", "query"),
    ("redis://h/1#f", "fragment"), ("redis://[::1:1", "]"), ("redis://[::1]x:1", "]"),
    ("redis://hunter2@h", "colon"), ("redis://u:@h", "password"), ("redis://:%zz@h", "password"),
    ("redis://:%2@h", "password"), ("redis://%ff:x@h", "user"), ("unix://relative", "absolute"),
    ("unix:///", "absolute"), ("unix:///a?db=x", "db"), ("unix:///a?x=1", "query"),
    ("unix:///" + String(repeating: "a", count: 107), "107"), ("unix:///a%00b", "0"),
  ])
  func errorsNameThePlace(text: String, place: String) {
    do {
      let url = try RedisURL(text)
      Issue.record("\(text) gave \(url)")
    } catch {
      guard case .invalidURL(let reason) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(reason.contains(place), "\(text): \(reason)")
      #expect(!reason.contains("hunter2"))
    }
  }

  @Test func noDescriptionShowsThePassword() throws {
    for text in ["redis://me:hunter2@h:1/2", "unix://:hunter2@/s?db=1"] {
      let url = try RedisURL(text)
      var dumped = ""
      dump(url, to: &dumped)
      for shown in ["\(url)", String(reflecting: url), dumped] {
        #expect(!shown.contains("hunter2"))
      }
      #expect("\(url)".contains(":***@"))
    }
    #expect("\(try RedisURL("redis://me:x@h:1/2"))" == "redis://me:***@h:1/2")
    #expect("\(try RedisURL("redis://[::1]"))" == "redis://[::1]:6379/0")
    #expect("\(try RedisURL("unix:///s?db=1"))" == "unix:///s?db=1")
  }
}
