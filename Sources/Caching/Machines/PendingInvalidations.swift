/// What was written and could not be told to Redis yet. Pure, bounded: over the bound it only knows
/// that everything is to be deleted.
struct PendingInvalidations {
  private(set) var keys: Set<String> = []
  private(set) var patterns: Set<String> = []
  private(set) var everything = false
  private let keysMax: Int
  private let patternsMax: Int

  init(
    keysMax: Int = CachingLimits.pendingKeysMax,
    patternsMax: Int = CachingLimits.pendingPatternsMax
  ) {
    self.keysMax = keysMax
    self.patternsMax = patternsMax
  }

  var isEmpty: Bool { keys.isEmpty && patterns.isEmpty && !everything }

  mutating func add(key: String) {
    guard !everything else { return }
    keys.insert(key)
    if keys.count > keysMax { addEverything() }
  }

  mutating func add(pattern: String) {
    guard !everything else { return }
    patterns.insert(pattern)
    if patterns.count > patternsMax { addEverything() }
  }

  /// All of it, to be told now; what fails again comes back by `add`.
  mutating func take() -> PendingInvalidations {
    let taken = self
    keys = []
    patterns = []
    everything = false
    return taken
  }

  mutating func add(_ other: PendingInvalidations) {
    if other.everything { return addEverything() }
    for key in other.keys { add(key: key) }
    for pattern in other.patterns { add(pattern: pattern) }
  }

  mutating func addEverything() {
    keys = []
    patterns = []
    everything = true
  }
}
