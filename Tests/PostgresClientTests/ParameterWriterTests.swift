import Testing

@testable import PostgresClient

@Suite struct ParameterWriterTests {
  private let writer = ParameterWriter()

  @Test func everyKindHasItsForm() throws {
    try writer.write(
      [
        .null, .text(""), .integer(-5), .boolean(true), .bytes([0, 171]), .numeric("1.50"),
        .texts(["a", "b\"\\"]), .integers([1, -2]), .timestamp(microseconds: -1),
        .timestamps([0]), .uuids([]), .json("{}"),
      ], statement: "s")
    #expect(
      writer.texts == [
        nil, "", "-5", "t", "\\x00ab", "1.50", "{\"a\",\"b\\\"\\\\\"}", "{1,-2}",
        "1969-12-31 23:59:59.999999+00", "{\"1970-01-01 00:00:00.000000+00\"}", "{}", "{}",
      ])
  }

  @Test func nextStatementForgetsTheLast() throws {
    try writer.write([.text("long text"), .text("b")], statement: "s")
    try writer.write([.text("c")], statement: "s")
    #expect(writer.texts == ["c"])
    try writer.write([], statement: "s")
    #expect(writer.texts.isEmpty)
  }

  @Test func whatPostgresCannotHoldIsRefusedWithItsPlace() {
    func reason(_ parameters: [PostgresParameter]) -> String? {
      do {
        try writer.write(parameters, statement: "s")
        return nil
      } catch {
        return error.code == .parameter ? error.reason : nil
      }
    }
    #expect(reason([.null, .text("a\0")]) == "$2: a zero byte")
    #expect(reason([.texts(["\0"])]) == "$1: a zero byte")
    #expect(reason([.timestamp(microseconds: .max)]) == "$1: a time outside of the years 1 to 9999")
    #expect(reason([.timestamps([0, .min])]) == "$1: a time outside of the years 1 to 9999")
    let half = String(repeating: "x", count: PostgresLimits.parameterBytesMax / 2)
    #expect(reason([.text(half)]) == nil)
    #expect(reason([.text(half), .text(half)])?.hasPrefix("over ") == true)
  }

  @Test func optionalsBecomeNull() {
    #expect(PostgresParameter.textOrNull(nil) == .null)
    #expect(PostgresParameter.numericOrNull("1") == .numeric("1"))
    #expect(PostgresParameter.null.fits(.uuid) && !PostgresParameter.text("").fits(.uuid))
    #expect(PostgresParameter.json("{}").fits(.jsonb) && PostgresParameter.json("{}").fits(.json))
  }
}
