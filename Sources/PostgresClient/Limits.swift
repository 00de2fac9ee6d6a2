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

  /// Bytes of one COPY: 60,000 trades of some 130 bytes. They are held until the server has taken them.
  /// More: `.parameter`.
  public static let copyBytesMax = 8 << 20

  /// Bytes of a COPY given to libpq at a time; the next follow when the kernel has them, so libpq holds
  /// no more than this.
  static let copyPieceBytes = 64 << 10

  /// Hosts of one connection string.
  public static let hostsMax = 16

  /// Channels of one listener.
  public static let channelsMax = 64
}
