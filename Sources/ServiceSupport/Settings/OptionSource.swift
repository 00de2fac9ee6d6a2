// Where the value of an option comes from: the flag, else the environment variable TAPEDECK_<NAME>,
// else the default. Every option of the executable goes through here, so that every one has its
// variable, the same checks hold for both, and an error names the one that was used.
//
// Read at start, on any thread; immutable. An empty variable counts as not set. Secrets have no flag
// at all: a command line is readable by every user of the machine.
import Configuration
import Glibc

public struct OptionSource: Sendable {
  private let reader: ConfigReader

  /// The environment of this process.
  public init() {
    reader = ConfigReader(provider: EnvironmentVariablesProvider(secretsSpecifier: Self.secrets))
  }

  public init(environment: [String: String]) {
    reader = ConfigReader(
      provider: EnvironmentVariablesProvider(
        environmentVariables: environment, secretsSpecifier: Self.secrets))
  }

  private static let secrets = SecretsSpecifier<String, String>.dynamic { name, _ in
    name.hasPrefix("TAPEDECK_KEYS") || name.contains("SECRET") || name.contains("PASSWORD")
      || name.contains("REDIS") || name.contains("POSTGRES")
  }

  /// `client-send-buffer` → `TAPEDECK_CLIENT_SEND_BUFFER`.
  public static func variable(for name: String) -> String {
    "TAPEDECK_" + name.uppercased().replacing("-", with: "_")
  }

  /// The variable's text, nil when it is not set or empty.
  private func environment(_ name: String) -> String? {
    let key = ConfigKey(["tapedeck"] + name.split(separator: "-").map(String.init))
    guard let text = reader.string(forKey: key), !text.isEmpty else { return nil }
    return text
  }

  // MARK: - Kinds of value

  /// `name` is the flag without its dashes, `redis`; `flag` what the command line gave.
  public func string(_ name: String, flag: String?) -> String? { flag ?? environment(name) }

  public func string(_ name: String, flag: String?, default value: String) -> String {
    string(name, flag: flag) ?? value
  }

  public func integer(
    _ name: String, flag: Int?, default value: Int, in range: ClosedRange<Int>
  ) throws(ServiceSupportError) -> Int {
    try integer(name, flag: flag, in: range) ?? value
  }

  /// Nil when neither is given.
  public func integer(
    _ name: String, flag: Int?, in range: ClosedRange<Int>
  ) throws(ServiceSupportError) -> Int? {
    let given = try read(name, flag: flag, as: "a whole number") { Int($0) }
    guard let given else { return nil }
    guard range.contains(given.value) else {
      throw given.error("\(given.value) is not in \(range.lowerBound)...\(range.upperBound)")
    }
    return given.value
  }

  public func number(
    _ name: String, flag: Double?, default value: Double, in range: ClosedRange<Double>
  ) throws(ServiceSupportError) -> Double {
    let given = try read(name, flag: flag, as: "a number") { Double($0) }
    guard let given else { return value }
    guard range.contains(given.value) else {
      throw given.error("\(given.value) is not in \(range.lowerBound)...\(range.upperBound)")
    }
    return given.value
  }

  /// For `--loop`/`--no-loop`; the variable says `true` or `false`, `1` or `0`, `yes` or `no`.
  public func boolean(
    _ name: String, flag: Bool?, default value: Bool
  ) throws(ServiceSupportError) -> Bool {
    let given = try read(name, flag: flag, as: "true or false") { text -> Bool? in
      switch text.lowercased() {
      case "true", "1", "yes": true
      case "false", "0", "no": false
      default: nil
      }
    }
    return given?.value ?? value
  }

  /// One of the cases of `Choice` by its raw value.
  public func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
    _ name: String, flag: Choice?, default value: Choice
  ) throws(ServiceSupportError) -> Choice {
    let all = Choice.allCases.map { $0.rawValue }.joined(separator: ", ")
    return try read(name, flag: flag, as: "one of \(all)", Choice.init(rawValue:))?.value ?? value
  }

  /// A value of any other kind, read from text by `parse`, which gives nil for text it does not
  /// understand; `expected` completes "... is not ...". The flag is text too.
  public func value<Value: Sendable>(
    _ name: String, flag: String?, expected: String, _ parse: (String) -> Value?
  ) throws(ServiceSupportError) -> Value? {
    guard let flag else { return try read(name, flag: nil, as: expected, parse)?.value }
    guard let value = parse(flag) else {
      throw ServiceSupportError(.setting, "--\(name): \"\(flag)\" is not \(expected)")
    }
    return value
  }

  // MARK: - Keys

  /// The keys of TAPEDECK_KEYS, or of the file that TAPEDECK_KEYS_FILE names; nil when neither is
  /// set.
  public func keys() throws(ServiceSupportError) -> APIKeys? {
    let text = environment("keys")
    let path = environment("keys-file")
    switch (text, path) {
    case (nil, nil): return nil
    case (.some, .some):
      throw ServiceSupportError(
        .setting, "TAPEDECK_KEYS and TAPEDECK_KEYS_FILE are both set; one of them must go")
    case (.some(let text), nil): return try Self.parse(text, "TAPEDECK_KEYS")
    case (nil, .some(let path)):
      let text = try SettingsFile.read(
        path, bytesMax: ServiceSupportLimits.keysFileBytesMax, named: "TAPEDECK_KEYS_FILE")
      return try Self.parse(text, "TAPEDECK_KEYS_FILE \(path)")
    }
  }

  private static func parse(_ text: String, _ place: String) throws(ServiceSupportError) -> APIKeys
  {
    do throws(ServiceSupportError) {
      let keys = try APIKeys(parsing: text)
      guard !keys.isEmpty else { throw ServiceSupportError(.setting, "no key in it") }
      return keys
    } catch {
      throw ServiceSupportError(.setting, "\(place): \(error.message)")
    }
  }

  // MARK: - Where a value came from

  private struct Given<Value> {
    let value: Value
    let place: String

    func error(_ reason: String) -> ServiceSupportError {
      ServiceSupportError(.setting, "\(place): \(reason)")
    }
  }

  private func read<Value>(
    _ name: String, flag: Value?, as expected: String, _ parse: (String) -> Value?
  ) throws(ServiceSupportError) -> Given<Value>? {
    if let flag { return Given(value: flag, place: "--\(name)") }
    guard let text = environment(name) else { return nil }
    let place = Self.variable(for: name)
    guard let value = parse(text) else {
      throw ServiceSupportError(.setting, "\(place): \"\(text)\" is not \(expected)")
    }
    return Given(value: value, place: place)
  }
}
