import ServiceSupport
import Testing

@Suite struct OptionSourceTests {
  private enum Clock: String, CaseIterable, Sendable {
    case rebased
    case original
  }

  @Test func flagWinsOverVariableWinsOverDefault() throws {
    let options = OptionSource(environment: ["TAPEDECK_PORT": "81", "TAPEDECK_STATE_DIR": "/x"])
    #expect(try options.integer("port", flag: 80, default: 8080, in: 0...65_535) == 80)
    #expect(try options.integer("port", flag: nil, default: 8080, in: 0...65_535) == 81)
    #expect(try options.integer("other", flag: nil, default: 8080, in: 0...65_535) == 8080)
    #expect(options.string("state-dir", flag: nil) == "/x")
    #expect(options.string("redis", flag: nil) == nil)
  }

  @Test func emptyVariableIsNotSet() throws {
    let options = OptionSource(environment: ["TAPEDECK_PORT": ""])
    #expect(try options.integer("port", flag: nil, default: 1, in: 0...9) == 1)
  }

  @Test func errorNamesTheVariableOrTheFlagAndTheReason() {
    let options = OptionSource(environment: ["TAPEDECK_PORT": "80a", "TAPEDECK_CLOCK": "utc"])
    #expect(
      message { try options.integer("port", flag: nil, default: 1, in: 0...9) }
        == #"TAPEDECK_PORT: "80a" is not a whole number"#)
    #expect(
      message { try options.integer("port", flag: 10, default: 1, in: 0...9) }
        == "--port: 10 is not in 0...9")
    #expect(
      message { try options.choice("clock", flag: nil, default: Clock.rebased) }
        == #"TAPEDECK_CLOCK: "utc" is not one of rebased, original"#)
    #expect(
      message { try options.value("speed", flag: "fast", expected: "a speed") { Double($0) } }
        == #"--speed: "fast" is not a speed"#)
  }

  @Test func kindsOfValueAreRead() throws {
    let options = OptionSource(environment: [
      "TAPEDECK_LOOP": "no", "TAPEDECK_CLOCK": "original", "TAPEDECK_SPEED": "2.5",
    ])
    #expect(try options.boolean("loop", flag: nil, default: true) == false)
    #expect(try options.boolean("loop", flag: true, default: false) == true)
    #expect(try options.choice("clock", flag: nil, default: Clock.rebased) == .original)
    #expect(try options.number("speed", flag: nil, default: 1, in: 0...10) == 2.5)
    let speed = try options.value("speed", flag: nil, expected: "a speed") { Double($0) }
    #expect(speed == 2.5)
  }

  @Test func keysComeFromTheVariableOrTheFile() async throws {
    #expect(try OptionSource(environment: [:]).keys() == nil)
    let direct = try #require(
      try OptionSource(environment: ["TAPEDECK_KEYS": "a:1, b:2:3"]).keys())
    #expect(direct.count == 2)
    #expect(direct.match(id: "b", secret: "2:3") == 1)
    try await withTemporaryDirectory { path in
      #expect(run("sh", "-c", "printf '# mine\\nc:9\\n\\n d:8\\n' > \(path)/keys") == "")
      let filed = try #require(
        try OptionSource(environment: ["TAPEDECK_KEYS_FILE": path + "/keys"]).keys())
      #expect(filed.match(id: "c", secret: "9") == 0)
      #expect(filed.match(id: "d", secret: "8") == 1)
      #expect(
        message { try OptionSource(environment: ["TAPEDECK_KEYS_FILE": path + "/no"]).keys() }
          == "TAPEDECK_KEYS_FILE \(path)/no: No such file or directory")
      #expect(
        message {
          try OptionSource(environment: [
            "TAPEDECK_KEYS_FILE": path + "/keys", "TAPEDECK_KEYS": "a:1",
          ]).keys()
        } == "TAPEDECK_KEYS and TAPEDECK_KEYS_FILE are both set; one of them must go")
    }
  }

  @Test func errorsOfKeysShowNoKey() {
    for text in ["onlysecret", "a:", ":b", "a:b,a:c", "sp ace:x", "  ,  "] {
      let error = message { try OptionSource(environment: ["TAPEDECK_KEYS": text]).keys() } ?? ""
      #expect(error.hasPrefix("TAPEDECK_KEYS: "), "\(text): \(error)")
      #expect(!error.contains("onlysecret") && !error.contains("sp ace"), "\(error)")
    }
  }
}

/// The message of the error that `body` throws.
func message<T>(_ body: () throws -> T) -> String? {
  do {
    _ = try body()
    return nil
  } catch {
    return "\(error)"
  }
}
