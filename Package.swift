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

let libraries: [Target] = [
  library("EventLoops", ["CUV"]),
  library("MarketData"),
  library("TestSupport", ["EventLoops"]),
  library("WebTransport", ["EventLoops", "CLibwebsockets", "CUV"]),
]

let programs: [Target] = []

let testTargets: [Target] = [
  tests("EventLoopsTests", ["EventLoops"]),
  tests("MarketDataTests", ["MarketData"]),
  tests("WebTransportTests", ["WebTransport", "EventLoops", "TestSupport", "CLibwebsockets"]),
]

let package = Package(
  name: "tapedeck",
  dependencies: [],
  targets: clibraries + libraries + programs + testTargets,
  swiftLanguageModes: [.v6]
)
