/// The bounds of this target, each with the arithmetic that chose it.
package enum RecordingLimits {
  /// What a crash of the process may lose: a second.
  package static let flushMilliseconds: UInt64 = 1_000

  /// The feed's list of symbols is asked for this often; a new symbol's first messages may be missed.
  package static let symbolListMilliseconds: UInt64 = 1_000

  /// The smallest size of a file that rotates: below it there would be more files than sense.
  package static let rotationBytesMin = 1 << 20
}
