extension CachePolicy {
  /// Whether `key` is one of this class: the pattern with something, without a colon, in the place of
  /// each pair of braces. (A symbol has no colon.)
  public func matches(_ key: String) -> Bool {
    var text = key.utf8[...]
    var rest = pattern.utf8[...]
    while let next = rest.first {
      if next == UInt8(ascii: "{") {
        guard let end = rest.firstIndex(of: UInt8(ascii: "}")) else { return false }
        rest = rest[rest.index(after: end)...]
        let value = text.prefix { $0 != UInt8(ascii: ":") }
        guard !value.isEmpty else { return false }
        text = text[value.endIndex...]
      } else {
        guard text.first == next else { return false }
        text = text.dropFirst()
        rest = rest.dropFirst()
      }
    }
    return text.isEmpty
  }
}
