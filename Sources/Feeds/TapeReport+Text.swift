// A report for people, and as JSON for programs.
import MarketData

extension TapeReport {
  /// Lines of at most 100 columns but for long names. `symbolsMax` symbols are listed, the busiest.
  public func text(symbolsMax: Int = 20) -> String {
    var rows: [(String, String)] = []
    rows.append(("tape", name))
    if let format {
      let size = fileBytes.map { ", \(Figures.bytes($0))" } ?? ""
      rows.append(("format", "\(format)\(isCompressed ? ", gzip" : "")\(size)"))
      rows.append((format == "itch" ? "messages" : "lines", Figures.count(counters.lines)))
    }
    rows.append(("events", Figures.count(counts.sum)))
    rows.append(("symbols", Figures.count(UInt64(symbols.count))))
    if let first, let last {
      rows.append(("from", "\(first)"))
      rows.append(("to", "\(last)"))
      rows.append(("span", Figures.span(milliseconds: spanMilliseconds)))
    }
    if let rate = Figures.rate(counts.sum, milliseconds: spanMilliseconds) {
      rows.append(("rate", "\(rate) events/s on average"))
    }
    if let busiestSecond {
      rows.append(
        (
          "peak",
          "\(Figures.count(busiestSecond.events)) events in the second of "
            + "\(busiestSecond.start)"
        ))
    }
    rows += faults.map { ($0.name, Figures.count($0.count)) }
    let width = rows.map(\.0.count).max() ?? 0
    var lines = rows.map { TapeReport.padded($0.0, width) + "  " + $0.1 }
    if !problems.isEmpty { lines += ["", "first problems"] + problems.map { "  \($0)" } }
    if !symbols.isEmpty { lines += [""] + table(symbolsMax) }
    return lines.joined(separator: "\n") + "\n"
  }

  /// What a good tape has none of: only those that there are.
  private var faults: [(name: String, count: UInt64)] {
    [
      ("malformed", counters.malformedLines), ("overlong", counters.overlongLines),
      ("damaged", counters.damagedFiles), ("gaps", counters.gaps),
      ("impossible", counters.impossibleChanges),
      ("out of order", counters.outOfOrder), ("not read", counters.skippedMessages),
      ("no event", linesWithoutEvent),
      ("repeated", counters.repeats), ("levels dropped", counters.droppedLevels),
      ("diffs dropped", counters.droppedDifferences), ("codes dropped", counters.droppedCodes),
    ].filter { $0.1 > 0 || $0.0 == "malformed" || $0.0 == "gaps" }
  }

  /// Lines that are well formed and read, and yield nothing by themselves: blank ones, and changes of a
  /// book that waits for its snapshot.
  private var linesWithoutEvent: UInt64 {
    let accounted =
      counts.sum + counters.malformedLines + counters.skippedMessages + counters.repeats
    return format == nil ? 0 : counters.lines - min(counters.lines, accounted)
  }

  /// A row a symbol, a column for each kind that the tape has.
  private func table(_ symbolsMax: Int) -> [String] {
    let kinds = Kind.allCases.filter { counts[$0] > 0 }
    var cells = [["symbol", "events"] + kinds.map(\.name)]
    for (name, counts) in symbols.prefix(symbolsMax) {
      cells.append(
        [name, Figures.count(counts.sum)] + kinds.map { Figures.count(counts[$0]) })
    }
    if symbols.count > 1 {
      cells.append(
        ["all", Figures.count(counts.sum)] + kinds.map { Figures.count(counts[$0]) })
    }
    let widths = cells[0].indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
    var lines = cells.map { row in
      row.indices.map { column in
        column == 0
          ? TapeReport.padded(row[0], widths[0])
          : String(repeating: " ", count: widths[column] - row[column].count) + row[column]
      }.joined(separator: "  ")
    }
    if symbols.count > symbolsMax {
      let more = Figures.count(UInt64(symbols.count - symbolsMax))
      lines.insert("... \(more) more", at: lines.count - 1)
    }
    return lines
  }

  /// One object, with every symbol.
  public var json: String {
    var writer = ByteWriter(capacity: 4_096)
    writer.append("{\"tape\":")
    writer.appendJSONString(name)
    if let format {
      writer.append(",\"format\":")
      writer.appendJSONString(format)
      writer.append(isCompressed ? ",\"gzip\":true" : ",\"gzip\":false")
    }
    if let fileBytes { TapeReport.field("file_bytes", fileBytes, &writer) }
    TapeReport.field("lines", counters.lines, &writer)
    TapeReport.field("events", counts.sum, &writer)
    writer.append(",\"counts\":")
    TapeReport.append(counts, &writer)
    if let first, let last {
      writer.append(",\"first\":\"")
      writer.append(first)
      writer.append("\",\"last\":\"")
      writer.append(last)
      writer.append("\"")
      TapeReport.field("span_ms", spanMilliseconds, &writer)
    }
    if let busiestSecond {
      writer.append(",\"peak_second\":\"")
      writer.append(busiestSecond.start)
      writer.append("\"")
      TapeReport.field("peak_events", busiestSecond.events, &writer)
    }
    TapeReport.field("malformed_lines", counters.malformedLines, &writer)
    TapeReport.field("overlong_lines", counters.overlongLines, &writer)
    TapeReport.field("damaged_files", counters.damagedFiles, &writer)
    TapeReport.field("gaps", counters.gaps, &writer)
    TapeReport.field("out_of_order", counters.outOfOrder, &writer)
    TapeReport.field("not_read", counters.skippedMessages, &writer)
    TapeReport.field("repeated", counters.repeats, &writer)
    TapeReport.field("dropped_levels", counters.droppedLevels, &writer)
    TapeReport.field("dropped_differences", counters.droppedDifferences, &writer)
    TapeReport.field("dropped_codes", counters.droppedCodes, &writer)
    writer.append(",\"problems\":")
    writer.appendJSONList(problems)
    writer.append(",\"symbols\":{")
    for (place, symbol) in symbols.enumerated() {
      if place > 0 { writer.append(",") }
      writer.appendJSONString(symbol.name)
      writer.append(":")
      TapeReport.append(symbol.counts, &writer)
    }
    writer.append("}}\n")
    return writer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  private static func field(_ name: StaticString, _ value: UInt64, _ writer: inout ByteWriter) {
    writer.append(",\"")
    writer.append(name)
    writer.append("\":")
    writer.appendDecimal(value)
  }

  /// Only the kinds that there are.
  private static func append(_ counts: Counts, _ writer: inout ByteWriter) {
    writer.append("{")
    var isFirst = true
    for kind in Kind.allCases where counts[kind] > 0 {
      if !isFirst { writer.append(",") }
      isFirst = false
      writer.appendJSONString(kind.name)
      writer.append(":")
      writer.appendDecimal(counts[kind])
    }
    writer.append("}")
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}
