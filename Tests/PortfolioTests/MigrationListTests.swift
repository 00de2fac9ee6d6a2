import Foundation
import Testing

@testable import Portfolio

@Suite struct MigrationListTests {
  /// A file that nobody lists would never be applied.
  @Test func everyFileIsListedOnceAndInOrder() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Sources/Portfolio/Migrations")
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasPrefix("m") }.sorted()
    #expect(files == Migration.all.map { $0.label + ".sql" })
    for (file, migration) in zip(files, Migration.all) {
      let isTheFile =
        try Array(Data(contentsOf: folder.appendingPathComponent(file))) == migration.script
      #expect(isTheFile, "\(file)")
    }
  }
}
