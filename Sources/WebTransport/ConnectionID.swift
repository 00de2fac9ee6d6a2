/// Names a connection of one server, for as long as it lives: the index may be used again, with
/// another generation, so a stale id never reaches another client.
public struct ConnectionID: Hashable, Sendable {
  /// A place in the server's slab: small and dense, fit for parallel arrays.
  public let index: UInt32
  /// Never 0.
  public let generation: UInt32

  public init(index: UInt32, generation: UInt32) {
    self.index = index
    self.generation = generation
  }

  /// As lws carries it in its opaque user data: a number, never a pointer.
  var bits: UInt { UInt(generation) << 32 | UInt(index) }

  init?(bits: UInt) {
    guard bits != 0 else { return nil }
    index = UInt32(truncatingIfNeeded: bits)
    generation = UInt32(truncatingIfNeeded: bits >> 32)
  }
}
