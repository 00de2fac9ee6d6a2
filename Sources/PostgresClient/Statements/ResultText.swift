// What a C result says besides its rows.
import CLibpq

enum ResultText {
  /// Rows changed or returned; 0 for commands without a number.
  static func changedRows(_ result: OpaquePointer) -> Int {
    PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0
  }

  /// The fields of an error or a notice. PG_DIAG_* are characters in macros that Swift does not import.
  static func serverError(_ result: OpaquePointer) -> PostgresServerError {
    let severity = field(result, "V") ?? field(result, "S") ?? ""
    return PostgresServerError(
      // Without a code it is libpq's own message.
      sqlState: field(result, "C") ?? "",
      message: bounded(field(result, "M") ?? String(cString: PQresultErrorMessage(result))),
      detail: field(result, "D").map(bounded), schema: field(result, "s"),
      table: field(result, "t"), column: field(result, "c"), constraint: field(result, "n"),
      isFatal: severity == "FATAL" || severity == "PANIC")
  }

  private static func field(_ result: OpaquePointer, _ code: Unicode.Scalar) -> String? {
    PQresultErrorField(result, Int32(code.value)).map { String(cString: $0) }
  }

  /// One line, at most 500 characters: enough for a log.
  static func bounded(_ text: String) -> String {
    String(
      text.split(whereSeparator: \.isNewline).joined(separator: "; ").prefix(500))
  }
}
