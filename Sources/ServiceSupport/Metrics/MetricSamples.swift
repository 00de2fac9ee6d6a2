// The numbers of one scrape: families of series, gathered from the registry and from each loop, then
// merged. A plain value that crosses threads by copy.
//
// Invariants: a family has one kind; a series is there once: the same name and labels from two loops
// are added up. What would break that, or exceed `seriesMax`, is left out and counted.

/// Labels of a series, in the order in which they are to be shown.
public typealias MetricLabels = [(name: String, value: String)]

public struct MetricSamples: Sendable {
  enum Kind: String, Sendable {
    case counter
    case gauge
    case histogram
  }

  enum Value: Sendable {
    case count(UInt64)
    case number(Double)
    case histogram(FixedHistogram)
  }

  struct Series: Sendable {
    /// `loop="a",code="407"`, escaped; empty without labels.
    let labels: String
    var value: Value
  }

  struct Family: Sendable {
    let name: String
    let kind: Kind
    var help: String
    var series: [Series] = []
    var places: [String: Int] = [:]
  }

  private(set) var families: [Family] = []
  private var places: [String: Int] = [:]
  private(set) var seriesCount = 0
  /// Samples left out.
  private(set) var dropped: UInt64 = 0

  public init() {}

  /// A number that only rises. `name` by convention ends in `_total`.
  public mutating func counter(
    _ name: String, help: String, labels: MetricLabels = [], _ value: UInt64
  ) {
    add(name, .counter, help, MetricName.text(of: labels), .count(value))
  }

  /// A counter of fractions, such as CPU seconds.
  public mutating func counter(
    _ name: String, help: String, labels: MetricLabels = [], _ value: Double
  ) {
    add(name, .counter, help, MetricName.text(of: labels), .number(value))
  }

  /// A number that goes up and down.
  public mutating func gauge(
    _ name: String, help: String, labels: MetricLabels = [], _ value: Double
  ) {
    add(name, .gauge, help, MetricName.text(of: labels), .number(value))
  }

  public mutating func gauge(
    _ name: String, help: String, labels: MetricLabels = [], _ value: some BinaryInteger
  ) {
    gauge(name, help: help, labels: labels, Double(value))
  }

  public mutating func histogram(
    _ name: String, help: String, labels: MetricLabels = [], _ value: FixedHistogram
  ) {
    add(name, .histogram, help, MetricName.text(of: labels), .histogram(value))
  }

  /// Adds all samples of another thread.
  mutating func merge(_ other: MetricSamples) {
    for family in other.families {
      for series in family.series {
        add(family.name, family.kind, family.help, series.labels, series.value)
      }
    }
    dropped &+= other.dropped
  }

  mutating func add(
    _ name: String, _ kind: Kind, _ help: String, _ labels: String, _ value: Value
  ) {
    let name = MetricName.valid(name)
    guard let place = place(of: name, kind, help) else {
      dropped &+= 1
      return
    }
    if let old = families[place].places[labels] {
      guard let sum = Self.sum(families[place].series[old].value, value) else {
        dropped &+= 1
        return
      }
      families[place].series[old].value = sum
      return
    }
    guard seriesCount < ServiceSupportLimits.seriesMax else {
      dropped &+= 1
      return
    }
    seriesCount += 1
    families[place].places[labels] = families[place].series.count
    families[place].series.append(Series(labels: labels, value: value))
  }

  /// The family, made if need be; nil when there is one of another kind, or no room.
  private mutating func place(of name: String, _ kind: Kind, _ help: String) -> Int? {
    if let place = places[name] { return families[place].kind == kind ? place : nil }
    guard seriesCount < ServiceSupportLimits.seriesMax else { return nil }
    families.append(Family(name: name, kind: kind, help: help))
    places[name] = families.count - 1
    return families.count - 1
  }

  private static func sum(_ left: Value, _ right: Value) -> Value? {
    switch (left, right) {
    case (.count(let left), .count(let right)): return .count(left &+ right)
    case (.number(let left), .number(let right)): return .number(left + right)
    case (.count(let left), .number(let right)): return .number(Double(left) + right)
    case (.number(let left), .count(let right)): return .number(left + Double(right))
    case (.histogram(var left), .histogram(let right)):
      return left.add(right) ? .histogram(left) : nil
    default: return nil
    }
  }
}
