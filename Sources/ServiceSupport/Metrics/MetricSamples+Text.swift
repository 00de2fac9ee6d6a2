extension MetricSamples {
  /// The content type to answer `/metrics` with.
  public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// The Prometheus text exposition format 0.0.4: `# HELP` and `# TYPE` once per family, then all its
  /// series together; families by name, so that two scrapes can be compared. A family without a
  /// series is left out.
  public func text() -> String {
    var text = ""
    text.reserveCapacity(seriesCount * 96)
    for family in families.sorted(by: { $0.name < $1.name }) where !family.series.isEmpty {
      if !family.help.isEmpty {
        text += "# HELP \(family.name) \(MetricName.escaped(family.help, quote: false))\n"
      }
      text += "# TYPE \(family.name) \(family.kind.rawValue)\n"
      for series in family.series { Self.append(series, of: family.name, to: &text) }
    }
    return text
  }

  private static func append(_ series: Series, of name: String, to text: inout String) {
    switch series.value {
    case .count(let value): line(name, series.labels, "\(value)", &text)
    case .number(let value): line(name, series.labels, number(value), &text)
    case .histogram(let histogram):
      var running: UInt64 = 0
      let comma = series.labels.isEmpty ? "" : ","
      for (index, count) in histogram.counts.enumerated() {
        running &+= count
        let bound = index < histogram.bounds.count ? number(histogram.bounds[index]) : "+Inf"
        line("\(name)_bucket", "\(series.labels)\(comma)le=\"\(bound)\"", "\(running)", &text)
      }
      line("\(name)_sum", series.labels, number(histogram.sum), &text)
      line("\(name)_count", series.labels, "\(running)", &text)
    }
  }

  private static func line(
    _ name: String, _ labels: String, _ value: String, _ text: inout String
  ) {
    text += name
    if !labels.isEmpty { text += "{\(labels)}" }
    text += " \(value)\n"
  }

  /// As Go's ParseFloat reads it.
  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    // Exact up to 2^53: 5, not 5.0.
    if value == value.rounded(), abs(value) < 9_007_199_254_740_992 { return "\(Int64(value))" }
    return "\(value)"
  }
}
