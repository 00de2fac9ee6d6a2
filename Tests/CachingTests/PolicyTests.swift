import Caching
import Testing

@Suite struct PolicyTests {
  @Test func keysBelongToTheirPolicies() {
    #expect(CachePolicies.policy(of: "watchlist:17")?.name == "watchlist")
    #expect(CachePolicies.policy(of: "user:17:profile:v3")?.name == "profile")
    #expect(CachePolicies.policy(of: "user:17:version")?.name == "profile_version")
    #expect(CachePolicies.policy(of: "asset:BTC/USD")?.name == "asset")
    #expect(CachePolicies.policy(of: "config:assets")?.name == "asset_index")
    #expect(CachePolicies.policy(of: "apikey:demo")?.name == "apikey")
    #expect(CachePolicies.policy(of: "session:s")?.name == "session")
    #expect(CachePolicies.policy(of: "asset:") == nil)
    #expect(CachePolicies.policy(of: "config:assets2") == nil)
  }
}
