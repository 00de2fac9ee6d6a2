/// Numbers for people: what a terminal shows of feeds and tapes.
public enum Figures {
  /// `1,234,567`
  public static func count(_ value: UInt64) -> String {
    let digits = Array(String(value))
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return text
  }

  /// `999 B`, `1.2 kB`, `3.4 MB`, in powers of 1,000 as disks are sold.
  public static func bytes(_ value: UInt64) -> String {
    guard value >= 1_000 else { return "\(value) B" }
    var tenths = value / 100
    for unit in ["kB", "MB", "GB"] {
      if tenths < 10_000 { return "\(tenths / 10).\(tenths % 10) \(unit)" }
      tenths /= 1_000
    }
    return "\(count(tenths / 10)).\(tenths % 10) TB"
  }

  /// `59.9 s`, `5 min 46 s`, `1 h 2 min`, `3 d 4 h`.
  public static func span(milliseconds value: UInt64) -> String {
    let seconds = value / 1_000
    switch seconds {
    case ..<60: return "\(seconds).\(value % 1_000 / 100) s"
    case ..<3_600: return "\(seconds / 60) min \(seconds % 60) s"
    case ..<86_400: return "\(seconds / 3_600) h \(seconds % 3_600 / 60) min"
    default: return "\(count(seconds / 86_400)) d \(seconds % 86_400 / 3_600) h"
    }
  }

  /// `272.5`: so many in so long, a second; nil without a time.
  public static func rate(_ count: UInt64, milliseconds: UInt64) -> String? {
    guard milliseconds > 0 else { return nil }
    // Tenths a second; what does not fit is shown as the most that does.
    let product = count.multipliedFullWidth(by: 10_000)
    let tenths =
      product.high < milliseconds ? milliseconds.dividingFullWidth(product).quotient : .max
    return "\(Figures.count(tenths / 10)).\(tenths % 10)"
  }
}
