// Goal: the rules of the house that a compiler does not know hold for every file of the repository.
// Method: read what git tracks or would track, and look. A rule that makes a file worse may be
// broken where this test says how.
import Foundation
import Testing

@Suite struct RepositoryTests {
  private let repository: Repository

  init() throws { repository = try Repository() }

  @Test func topLevelHasOnlyWhatBelongsThere() {
    let allowed: Set<Substring> = [
      "Package.swift", "Sources", "Tests", "fixtures", "deploy", "README.md", ".gitignore",
      ".swift-format", ".ci",
    ]
    let found = Set(repository.paths.map { $0.prefix { $0 != "/" } })
    #expect(found.subtracting(allowed).isEmpty)
  }

  @Test func everyTargetOfOursHasAReadme() {
    for target in repository.folders(below: "Sources/") where !isSystemLibrary(target) {
      let lines = repository.lines("Sources/\(target)/README.md")
      #expect((10...60).contains(lines.count), "Sources/\(target)/README.md: \(lines.count) lines")
      #expect(lines.first == "# \(target)", "Sources/\(target)/README.md: its title")
    }
    #expect(!repository.lines("README.md").isEmpty)
  }

  @Test func everyFolderOfFixturesSaysWhereItCameFrom() {
    for folder in repository.folders(below: "fixtures/") {
      #expect(!repository.lines("fixtures/\(folder)/README.md").isEmpty, "fixtures/\(folder)")
    }
  }

  /// A module map and a header, nothing to explain beyond their comments.
  private func isSystemLibrary(_ target: String) -> Bool {
    repository.paths.contains("Sources/\(target)/module.modulemap")
  }

  /// SwiftPM defines DEBUG for debug builds alone, so a release has neither the option nor the code.
  @Test func theEchoModeIsOfDebugBuildsAlone() {
    let sources = repository.swift.filter { $0.hasPrefix("Sources/tapedeck/") }
    var mentions = 0
    for path in sources {
      var isDebug = false
      for line in repository.lines(path) {
        let word = line.drop { $0 == " " }
        if word == "#if DEBUG" { isDebug = true }
        if word == "#endif" { isDebug = false }
        guard !word.hasPrefix("//"), line.lowercased().contains("echo") else { continue }
        mentions += 1
        #expect(isDebug || !line.contains("cho"), "\(path): \(line)")
      }
    }
    #expect(mentions > 5)
  }

  @Test func everySuiteMirrorsATarget() {
    let targets = Set(repository.folders(below: "Sources/"))
    let ownAccount: Set = ["RepositoryTests", "IntegrationTests", "AcceptanceTests"]
    for suite in repository.folders(below: "Tests/") where !ownAccount.contains(suite) {
      #expect(suite.hasSuffix("Tests") && targets.contains(String(suite.dropLast(5))), "\(suite)")
    }
  }

  @Test func noTypeShadowsAModule() {
    let targets = repository.folders(below: "Sources/").joined(separator: "|")
    let pattern =
      #"^\s*(public |final |package )*(struct|class|enum|actor|protocol) "#
      + "(\(targets))\\b"
    expectNone(pattern, in: repository.swift)
  }

  @Test func longFileSaysWhyItIsLong() {
    for path in repository.code {
      let lines = repository.lines(path)
      guard lines.count > 400 else { continue }
      let reason = lines.prefix(15).contains { $0.contains("400 lines") }
      #expect(reason, "\(path): \(lines.count) lines, and its first comment gives no reason")
    }
  }

  @Test func lineFitsAWindow() {
    // swift format keeps code to 100 columns; comments and long strings it leaves as they are, and
    // strings (sample lines of a tape) are better whole.
    for path in repository.code {
      for (number, line) in repository.lines(path).enumerated() {
        let fits = line.count <= 120 || line.contains("\"")
        #expect(fits, "\(path):\(number + 1): \(line.count) columns")
        #expect(line.last?.isWhitespace != true, "\(path):\(number + 1): trailing space")
      }
    }
  }

  @Test func noPathOfAMachineIsCommitted() {
    expectNone(#"(^|[^\w./$}])/(work|root|home|Users|opt)/[\w.]"#, in: repository.text)
  }

  @Test func nothingIsLeftForLater() {
    // Spelled so that this line does not find itself.
    expectNone(#"\b(TO"# + #"DO|FIX"# + #"ME|XX"# + #"X|HA"# + #"CK)\b"#, in: repository.text)
  }

  @Test func wordsThatHideAConceptAreNotNames() {
    for path in repository.swift {
      let name = path.split(separator: "/").last ?? ""
      let vague = name.firstMatch(of: /(Utils|Utilities|Helpers?|Manager)(Tests)?\.swift/)
      #expect(vague == nil, "\(path)")
    }
  }

  @Test func versionsOfPackagesAreExact() {
    for (number, line) in repository.lines("Package.swift").enumerated()
    where line.contains(".package(") && line.contains("url:") {
      #expect(line.contains("exact: \""), "Package.swift:\(number + 1)")
    }
    for line in repository.lines("Tests/AcceptanceTests/requirements.txt")
    where !line.hasPrefix("#") {
      #expect(line.wholeMatch(of: /[A-Za-z0-9_.-]+==[0-9.]+/) != nil, "\(line)")
    }
  }

  @Test func unsafeEscapesSayWhoGuarantees() {
    // The line itself or one of the three above it, in words.
    let escapes = #"@unchecked Sendable|nonisolated\(unsafe\)|assumeIsolated"#
    for path in repository.swift where path.hasPrefix("Sources/") {
      let lines = repository.lines(path)
      for (number, line) in lines.enumerated() {
        let code = line.components(separatedBy: "//")[0]
        guard code.range(of: escapes, options: .regularExpression) != nil else { continue }
        let near = lines[max(0, number - 4)...number]
        #expect(near.contains { $0.contains("//") }, "\(path):\(number + 1): no word of it")
      }
    }
  }

  @Test func noFlagOrFoundationWhereItWouldCost() {
    expectNone("unsafe" + "Flags", in: ["Package.swift"])
    let free = [
      "MarketData", "FanOut", "EventLoops", "PostgresClient", "RedisClient", "WebTransport",
    ]
    expectNone(
      #"^\s*(public |internal |@preconcurrency )*import Foundation"#,
      in: repository.swift.filter { path in free.contains { path.hasPrefix("Sources/\($0)/") } })
  }

  @Test func scriptsAreStrictAndExecutable() {
    for path in repository.paths
    where repository.lines(path).first?.hasPrefix("#!/usr/bin/env bash") == true {
      #expect(repository.lines(path).contains("set -euo pipefail"), "\(path)")
      #expect(FileManager.default.isExecutableFile(atPath: repository.root + "/" + path), "\(path)")
    }
  }

  @Test func noFileIsLarge() {
    for path in repository.paths {
      let bytes = repository.size(path)
      let most = path.hasPrefix("fixtures/") ? 3 << 20 : 256 << 10
      #expect(bytes <= most, "\(path): \(bytes) bytes")
    }
  }

  private func expectNone(_ pattern: String, in paths: [String]) {
    for path in paths {
      for (number, line) in repository.lines(path).enumerated() {
        let found = line.range(of: pattern, options: .regularExpression)
        #expect(found == nil, "\(path):\(number + 1): \(line)")
      }
    }
  }
}
