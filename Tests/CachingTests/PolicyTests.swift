import Testing

@testable import Caching

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
    #expect(CachePolicies.policy(of: "user:17") == nil)
  }

  @Test func patternForScanHasAStarForEachBrace() {
    #expect(CachePolicies.profile.glob == "user:*:profile:v*")
    #expect(CachePolicies.assetIndex.glob == "config:assets")
  }

  /// Goal: the table in code is the design's. Method: the rows of the design's table, as they stand
  /// there, taken apart: key, role, TTL, strategy.
  @Test(arguments: [
    "| `watchlist:{userId}` | cache | 300 s | cache-aside, leased |",
    "| `user:{userId}:profile:v{n}` | cache | 3600 s | cache-aside, versioned |",
    "| `user:{userId}:version` | cache | 3600 s | cache-aside, leased |",
    "| `asset:{symbol}` | cache | 86400 s | cache-aside, early refresh, per-process L1 |",
    "| `config:assets` | cache | 86400 s | cache-aside, early refresh, per-process L1 |",
    "| `apikey:{keyId}` | cache | 60 s (absent: 5 s) | cache-aside, leased, per-process L1 |",
    "| `session:{sessionId}` | durable | 1800 s, sliding by GETEX | write-through |",
  ]) func tableReadsLikeTheDesigns(row: String) throws {
    let cells = row.split(separator: "|").map { $0.drop { $0 == " " } }
    let key = String(cells[0].filter { $0 != "`" }.dropLast())
    let policy = try #require(CachePolicies.all.first { $0.pattern == key }, "\(key)")
    let seconds = try #require(UInt64(cells[2].prefix { $0.isNumber }))
    #expect(policy.ttlMilliseconds == seconds * 1_000)
    #expect(policy.isSliding == cells[2].contains("sliding"))
    #expect((policy.strategy == .writeThrough) == cells[3].contains("write-through"))
    #expect((policy.strategy == .versioned) == cells[3].contains("versioned"))
    #expect(policy.usesLocal == cells[3].contains("per-process L1"))
    #expect((policy.earlyRefreshBeta != nil) == cells[3].contains("early refresh"))
    #expect(CacheOptions.durable.policies.contains(policy) == cells[1].contains("durable"))
    #expect(CacheOptions().policies.contains(policy) == cells[1].contains("cache"))
  }

  @Test func boundsAreTheDesigns() {
    #expect(CachePolicies.all.count == 7)
    #expect(CachePolicies.all.allSatisfy { $0.bytesMax == 64 << 10 })
    #expect(
      CachePolicies.all.filter { $0.strategy != .writeThrough }
        .allSatisfy { $0.absentMilliseconds == 5_000 })
    // Never for what its user can write.
    #expect(
      CachePolicies.all.filter(\.usesLocal).map(\.name) == ["asset", "asset_index", "apikey"])
  }
}
