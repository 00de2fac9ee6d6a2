/// The table of cases, in groups. What every group has in common is run by `ConformanceTests`.
enum ConformanceTable {
  static let groups: [(name: String, cases: [ConformanceCase])] = [
    ("framing", framing), ("fragments", fragments), ("control", control), ("closing", closing),
    ("text", text),
  ]

  static func cases(_ group: String) -> [ConformanceCase] {
    groups.first { $0.name == group }!.cases
  }
}
