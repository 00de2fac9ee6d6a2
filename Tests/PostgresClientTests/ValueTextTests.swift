import Glibc
import TestSupport
import Testing

@testable import PostgresClient

@Suite struct ValueTextTests {
  private func read<T>(_ text: String, _ body: (UnsafeBufferPointer<UInt8>) -> T) -> T {
    Array(text.utf8).withUnsafeBufferPointer(body)
  }

  @Test func integersAreReadExactlyOrNotAtAll() {
    for value in [0, 7, -7, Int64.max, Int64.min] {
      #expect(read("\(value)", ValueText.integer) == value)
    }
    for text in ["", "-", "+1", "1 ", "0x1", "9223372036854775808", "-9223372036854775809", "1.0"] {
      #expect(read(text, ValueText.integer) == nil, "\(text)")
    }
  }

  @Test func bytesNeedTheirForm() {
    #expect(read("\\x", ValueText.bytes) == [])
    #expect(read("\\x00ffa0", ValueText.bytes) == [0, 255, 160])
    for text in ["", "x00", "\\x0", "\\x0g", "\\xFF", "00"] {
      #expect(read(text, ValueText.bytes) == nil)
    }
  }

  @Test func timestampsNeedTheirForm() {
    #expect(read("1970-01-01 00:00:00+00", ValueText.timestamp) == 0)
    #expect(read("1969-12-31 23:59:59.999999+00", ValueText.timestamp) == -1)
    #expect(read("2000-02-29 12:00:00.5+00", ValueText.timestamp) == 951_825_600_500_000)
    for text in [
      "infinity", "2001-02-29 00:00:00+00", "2001-01-01 00:00:00+01", "2001-01-01 24:00:00+00",
      "2001-01-01T00:00:00+00", "0044-03-15 00:00:00+00 BC", "10000-01-01 00:00:00+00",
      "2001-01-01 00:00:00.1234567+00", "2001-01-01 00:00:00", "2001-13-01 00:00:00+00",
      "2001-01-01 00:00:00.+0",
    ] { #expect(read(text, ValueText.timestamp) == nil, "\(text)") }
  }

  @Test func arraysNeedTheirForm() {
    #expect(read("{}", ValueText.strings) == [])
    #expect(read("{a,\"b c\",\"\\\"\\\\\",\"\"}", ValueText.strings) == ["a", "b c", "\"\\", ""])
    #expect(read("{\"NULL\",NULLs}", ValueText.strings) == ["NULL", "NULLs"])
    for text in ["", "{", "a", "{NULL}", "{a,}", "{,a}", "{{a}}", "{\"a}", "{\"a\"b}", "{\"a\\"] {
      #expect(read(text, ValueText.strings) == nil, "\(text)")
    }
  }

  /// Goal: any bytes at all are read or refused, never trapped on.
  @Test(arguments: seeds(count: 20)) func anyBytesAreReadOrRefused(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let alphabet = Array("0123456789-:+. {}\",\\xNULaft".utf8)
    for _ in 0..<2_000 {
      let text = (0..<Int.random(in: 0...32, using: &random)).map { _ in
        alphabet.randomElement(using: &random)!
      }
      text.withUnsafeBufferPointer { bytes in
        _ = ValueText.integer(bytes)
        _ = ValueText.boolean(bytes)
        _ = ValueText.bytes(bytes)
        _ = ValueText.timestamp(bytes)
        _ = ValueText.date(bytes)
        _ = ValueText.strings(bytes)
      }
    }
  }

  /// Goal: the calendar is the C library's, for every kind of day of the years 1 to 9999, and what is
  /// written is read back.
  @Test(arguments: seeds(count: 20)) func calendarAgreesWithTheCLibrary(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let writer = ParameterWriter()
    for _ in 0..<300 {
      let micros = Int64.random(
        in: -62_135_596_800_000_000...253_402_300_799_999_999, using: &random)
      try writer.write([.timestamp(microseconds: micros)], statement: "t")
      let text = writer.texts[0]!
      #expect(read(text, ValueText.timestamp) == micros)
      var seconds = time_t(micros / 1_000_000 - (micros % 1_000_000 < 0 ? 1 : 0))
      var time = tm()
      gmtime_r(&seconds, &time)
      let parts = text.split { "-: .+".contains($0) }.map { Int32($0)! }
      #expect(
        Array(parts[..<6]) == [
          time.tm_year + 1_900, time.tm_mon + 1, time.tm_mday, time.tm_hour, time.tm_min,
          time.tm_sec,
        ])
    }
  }
}

extension ParameterWriter {
  /// What was written last, as libpq would read it.
  var texts: [String?] {
    withPointers { pointers, count in
      (0..<Int(count)).map { index in pointers?[index].map { String(cString: $0) } }
    }
  }
}
