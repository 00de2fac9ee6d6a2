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

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, exclude: ["README.md"], swiftSettings: settings)
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
  library("ServiceSupport", ["EventLoops", "CCrypto", logging, coreMetrics, configuration]),
  library("Feeds", ["MarketData", "CZlib"]),
  library("FanOut"),
  library("RedisClient", ["CHiredis", "EventLoops"]),
  library("TestSupport", ["EventLoops"]),
  library("WebTransport", ["EventLoops", "CLibwebsockets", "CUV"]),
  library(
    "Ingest", ["EventLoops", "Feeds", "MarketData", "RedisClient", "ServiceSupport", logging]),
  library(
    "Gateway",
    [
      "EventLoops", "FanOut", "MarketData", "RedisClient", "ServiceSupport", "WebTransport",
      logging,
    ]),
]

let programs: [Target] = [
  program(
    "tapedeck",
    [
      "EventLoops", "Feeds", "Gateway", "Ingest", "RedisClient", "ServiceSupport", "WebTransport",
      argumentParser, logging,
    ]),
  program("tapedeck-bench", ["CUV", "EventLoops", "Feeds", "MarketData", argumentParser]),
]

let testTargets: [Target] = [
  tests("EventLoopsTests", ["EventLoops"]),
  tests("MarketDataTests", ["MarketData", "TestSupport"]),
  tests("WebTransportTests", ["WebTransport", "EventLoops", "TestSupport", "CLibwebsockets"]),
  tests("RepositoryTests", []),
  tests("ServiceSupportTests", ["ServiceSupport", "EventLoops", logging, coreMetrics]),
  tests("FeedsTests", ["Feeds", "MarketData", "CZlib", "TestSupport"]),
  tests("GatewayTests", ["FanOut", "Gateway", "MarketData", "TestSupport", "WebTransport"]),
  tests(
    "IngestTests",
    [
      "EventLoops", "Feeds", "Ingest", "MarketData", "RedisClient", "ServiceSupport",
      "TestSupport", logging,
    ]),
  tests("RedisClientTests", ["RedisClient", "TestSupport"]),
  tests(
    "IntegrationTests",
    [
      "EventLoops", "Feeds", "Gateway", "Ingest", "MarketData", "RedisClient", "ServiceSupport",
      "TestSupport", "WebTransport", logging,
    ]),
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
