// swift-tools-version: 6.2
import PackageDescription

// Every target of ours is built alike. `treatAllWarnings` holds for our code, not for packages.
let settings: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

func library(
  _ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, exclude: ["README.md"], resources: resources,
    swiftSettings: settings)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, exclude: ["README.md"], swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

// C libraries come from Debian; their flags are in the module maps, so that no pkg-config flag that
// SwiftPM would warn about is needed. hiredis' headers lie outside the default path's root, hence the
// `hiredis/` prefix in its shim.
let clibraries: [Target] = [
  .systemLibrary(name: "CUV"),
  .systemLibrary(name: "CHiredis"),
  .systemLibrary(name: "CLibpq"),
  .systemLibrary(name: "CPrefetch"),
  .systemLibrary(name: "CLibwebsockets"),
  .systemLibrary(name: "CZlib"),
  .systemLibrary(name: "CCrypto"),
]

let argumentParser: Target.Dependency = .product(
  name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let coreMetrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let configuration: Target.Dependency = .product(
  name: "Configuration", package: "swift-configuration")

let libraries: [Target] = [
  library("EventLoops", ["CUV"]),
  library("MarketData"),
  library("OrderBooks", ["CPrefetch", "MarketData"]),
  library("Feeds", ["MarketData", "OrderBooks", "CZlib"]),
  library(
    "ServiceSupport",
    ["EventLoops", "CCrypto", "WebTransport", logging, coreMetrics, configuration]),
  library("FanOut"),
  library("Bars", ["MarketData"]),
  library("PostgresClient", ["CLibpq", "EventLoops"]),
  library("RedisClient", ["CHiredis", "EventLoops"]),
  library("Caching", ["CCrypto", "EventLoops", "PostgresClient", "RedisClient"]),
  library(
    "Credentials",
    [
      "CCrypto", "Caching", "EventLoops", "PostgresClient", "RedisClient", "ServiceSupport",
      logging,
    ]),
  library(
    "History",
    [
      "Bars", "EventLoops", "MarketData", "PostgresClient", "RedisClient", "ServiceSupport",
      logging,
    ]),
  library("TestSupport", ["CCrypto", "EventLoops"]),
  library("WebTransport", ["EventLoops", "CCrypto", "CLibwebsockets", "CUV"]),
  library("Upstream", ["EventLoops", "Feeds", "MarketData", "WebTransport"]),
  library(
    "Recording",
    [
      "EventLoops", "Feeds", "MarketData", "RedisClient", "ServiceSupport", "Upstream",
      "WebTransport", logging,
    ]),
  library(
    "Ingest",
    [
      "Bars", "EventLoops", "Feeds", "MarketData", "RedisClient", "ServiceSupport", "Upstream",
      "WebTransport", logging,
    ]),
  library(
    "Gateway",
    [
      "Credentials", "EventLoops", "FanOut", "MarketData", "RedisClient", "ServiceSupport",
      "WebTransport", logging,
    ]),
  library(
    "Portfolio",
    [
      "Bars", "Caching", "Credentials", "EventLoops", "MarketData", "PostgresClient",
      "RedisClient", "ServiceSupport", "WebTransport", logging,
    ],
    resources: [.embedInCode("Migrations")]),
]

let programs: [Target] = [
  program(
    "tapedeck",
    [
      "Caching", "Credentials", "EventLoops", "Feeds", "Gateway", "History", "Ingest", "Portfolio",
      "MarketData", "PostgresClient", "Recording", "RedisClient", "ServiceSupport", "Upstream",
      "WebTransport", argumentParser, logging,
    ]),
  program(
    "tapedeck-bench",
    [
      "CUV", "Caching", "EventLoops", "Feeds", "MarketData", "OrderBooks", "Portfolio",
      "PostgresClient", "RedisClient", "ServiceSupport", "WebTransport", argumentParser, logging,
    ]),
]

let testTargets: [Target] = [
  tests("EventLoopsTests", ["EventLoops"]),
  tests("MarketDataTests", ["MarketData", "TestSupport"]),
  tests("WebTransportTests", ["WebTransport", "EventLoops", "TestSupport", "CLibwebsockets"]),
  tests("RepositoryTests", []),
  tests(
    "ServiceSupportTests",
    ["ServiceSupport", "EventLoops", "TestSupport", "WebTransport", logging, coreMetrics]),
  tests("OrderBooksTests", ["MarketData", "OrderBooks", "TestSupport"]),
  tests("FeedsTests", ["Feeds", "MarketData", "OrderBooks", "CZlib", "TestSupport"]),
  tests(
    "UpstreamTests",
    ["EventLoops", "Feeds", "MarketData", "TestSupport", "Upstream", "WebTransport"]),
  tests(
    "GatewayTests",
    ["Credentials", "FanOut", "Gateway", "MarketData", "TestSupport", "WebTransport"]),
  tests(
    "IngestTests",
    [
      "EventLoops", "Feeds", "Ingest", "MarketData", "RedisClient", "ServiceSupport",
      "TestSupport", logging,
    ]),
  tests(
    "CredentialsTests",
    ["Caching", "Credentials", "EventLoops", "RedisClient", "ServiceSupport", "TestSupport"]),
  tests("PostgresClientTests", ["PostgresClient", "TestSupport"]),
  tests("RedisClientTests", ["EventLoops", "RedisClient", "TestSupport"]),
  tests(
    "IntegrationTests",
    [
      "Bars", "Caching", "Credentials", "EventLoops", "Feeds", "Gateway", "History", "Ingest",
      "MarketData", "Portfolio", "PostgresClient", "Recording", "RedisClient", "ServiceSupport",
      "TestSupport", "Upstream", "WebTransport", logging,
    ]),
  tests("CachingTests", ["Caching", "EventLoops", "RedisClient", "TestSupport"]),
  tests(
    "PortfolioTests",
    ["Portfolio", "MarketData", "PostgresClient", "TestSupport", "WebTransport"]),
  tests("BarsTests", ["Bars", "MarketData", "TestSupport"]),
  tests("FanOutTests", ["FanOut", "TestSupport"]),
]

let package = Package(
  name: "tapedeck",
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
    // Without its default trait: no JSON files, so no Foundation beyond what it needs itself.
    .package(url: "https://github.com/apple/swift-configuration", exact: "1.4.0", traits: []),
  ],
  targets: clibraries + libraries + programs + testTargets,
  swiftLanguageModes: [.v6]
)
