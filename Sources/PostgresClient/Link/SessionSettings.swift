// The parameters of one attempt to connect, in libpq's words (manual 34.1.2), and the session settings
// that fix how values are printed.

enum SessionSettings {
  /// Keywords and values for PQconnectStartParams.
  static func parameters(
    _ location: PostgresLocation, host: PostgresLocation.Host, address: String,
    options: PostgresOptions
  ) -> [(String, String)] {
    var found = location.parameters
    // Later settings win, so ours come behind the string's.
    found["options"] = [found["options"] ?? "", serverOptions(options)].joined(separator: " ")
    // Kerberos would be tried first and may ask the network without a timer.
    if found["gssencmode"] == nil { found["gssencmode"] = "disable" }
    if found["application_name"] == nil { found["application_name"] = options.applicationName }
    found["client_encoding"] = "UTF8"
    if !host.isSocket {
      // A peer that went without a word is noticed while nothing is under way: 10 + 3 * 5 s.
      found["keepalives_idle"] = found["keepalives_idle"] ?? "10"
      found["keepalives_interval"] = found["keepalives_interval"] ?? "5"
      found["keepalives_count"] = found["keepalives_count"] ?? "3"
    }
    found["host"] = host.host
    found["hostaddr"] = address
    found["port"] = String(host.port)
    found["target_session_attrs"] = location.sessionAttributes
    found["dbname"] = location.database
    found["user"] = location.user
    found["password"] = location.password?.exposed
    return found.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  private static func serverOptions(_ options: PostgresOptions) -> String {
    [
      "DateStyle=ISO", "TimeZone=UTC", "bytea_output=hex",
      "statement_timeout=\(options.serverStatementMilliseconds)",
      "idle_in_transaction_session_timeout=\(options.transactionIdleMilliseconds)",
    ].map { "-c \($0)" }.joined(separator: " ")
  }
}
