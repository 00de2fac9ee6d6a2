import Glibc

/// The seeds of a fuzz test: as many as every commit can afford, and twenty times as many when
/// `deploy/test --full` sets TAPEDECK_TEST_FULL. A failure names its seed, which is an argument.
public func seeds(from first: UInt64 = 0, count: UInt64) -> Range<UInt64> {
  let isFull = getenv("TAPEDECK_TEST_FULL") != nil
  return first..<(first + (isFull ? count * 20 : count))
}
