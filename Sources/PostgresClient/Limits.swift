/// The bounds of this target, each with the arithmetic that chose it.
public enum PostgresLimits {
  /// NAMEDATALEN - 1 is what the server keeps of an identifier; a longer one would be cut.
  public static let statementNameBytesMax = 63

  /// Statements that one connection prepares. Each costs the server some 10 KB of plan: 1,024 are
  /// 10 MB per connection, several times what the services have. More is a programmer's mistake.
  public static let statementsMax = 1_024

  /// Bytes of one statement's parameters. A request body is at most 1 MiB. Above: `.parameter`.
  public static let parameterBytesMax = 1 << 20

  /// Bytes of one result as libpq holds it. libpq collects a whole result before it hands it over, so
  /// that a statement's own LIMIT is what really bounds it; a larger one is refused as `.decoding`.
  public static let resultBytesMax = 32 << 20

  /// Hosts of one connection string.
  public static let hostsMax = 16

  /// Channels of one listener.
  public static let channelsMax = 64
}
