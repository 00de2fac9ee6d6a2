import Glibc

/// A tape as it is named on the command line: a path, and after an `@` the day of a tape whose times
/// are counted from midnight and whose name does not tell it: `day.itch@2019-01-30`.
struct TapeName: Equatable {
  let path: String
  /// `2019-01-30`.
  let day: String?

  init(path: String, day: String?) {
    self.path = path
    self.day = day
  }

  /// A file with this very name is meant by it, whatever it ends with.
  init(_ text: String) {
    if let at = text.lastIndex(of: "@"), access(text, F_OK) != 0,
      TradingDay(parsing: text[text.index(after: at)...]) != nil
    {
      path = String(text[..<at])
      day = String(text[text.index(after: at)...])
    } else {
      (path, day) = (text, nil)
    }
  }
}
