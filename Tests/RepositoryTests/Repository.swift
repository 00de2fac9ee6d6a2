import Foundation

/// The files of this repository: tracked ones, and new ones that are not ignored.
struct Repository {
  let root: String
  let paths: [String]

  init() throws {
    root =
      URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path
    let git = Process()
    git.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    git.arguments = [
      "git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z", "--cached", "--others",
      "--exclude-standard",
    ]
    let output = Pipe()
    git.standardOutput = output
    try git.run()
    let listed = output.fileHandleForReading.readDataToEndOfFile()
    git.waitUntilExit()
    let root = root
    paths = listed.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      .filter { FileManager.default.fileExists(atPath: root + "/" + $0) }.sorted()
    guard git.terminationStatus == 0, paths.contains("Package.swift") else {
      throw CocoaError(.fileReadUnknown, userInfo: [NSFilePathErrorKey: root])
    }
  }

  var swift: [String] { paths.filter { $0.hasSuffix(".swift") } }

  var code: [String] {
    paths.filter { path in
      [".swift", ".h", ".py", ".bash", ".sh"].contains { path.hasSuffix($0) }
        || ["deploy/run", "deploy/test", ".ci/run"].contains(path)
    }
  }

  /// What a person reads.
  var text: [String] { paths.filter { !$0.hasSuffix(".gz") } }

  func folders(below prefix: String) -> [String] {
    let names = paths.filter { $0.hasPrefix(prefix) }.compactMap { path -> String? in
      let parts = path.dropFirst(prefix.count).split(separator: "/")
      return parts.count > 1 ? String(parts[0]) : nil
    }
    return Set(names).sorted()
  }

  /// Empty for a file that is not there or not text.
  func lines(_ path: String) -> [String] {
    guard let data = FileManager.default.contents(atPath: root + "/" + path),
      let text = String(data: data, encoding: .utf8)
    else { return [] }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }

  func size(_ path: String) -> Int {
    let attributes = try? FileManager.default.attributesOfItem(atPath: root + "/" + path)
    return attributes?[.size] as? Int ?? 0
  }
}
