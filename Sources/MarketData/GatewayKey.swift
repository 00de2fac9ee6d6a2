/// The Redis names that belong to one loop of one gateway process. They are channels alone: nothing is
/// ever set under them, so there is nothing that could outlive its loop.
public enum GatewayKey: Sendable {
  /// Carries what the loop publishes to itself, to see that Redis delivers.
  case probe

  /// `gateway:` + id + `:probe`.
  public func name(gateway id: String) -> String {
    switch self {
    case .probe: "gateway:\(id):probe"
    }
  }
}
