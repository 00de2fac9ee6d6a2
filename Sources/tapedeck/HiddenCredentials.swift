import Glibc

/// Overwrites secrets where the kernel keeps this process's arguments, so that process lists show stars
/// from here on (proc(5): cmdline is the process's own memory).
///
/// Between the start of the process and this call they can be seen, which is why the help tells to use
/// the environment.
enum HiddenCredentials {
  /// Of a value that was given on the command line: user and password before the `@` of a URL, and
  /// whatever stands behind `password=`.
  static func hide(in value: String) {
    for index in 1..<max(1, Int(CommandLine.argc)) {
      guard let argument = CommandLine.unsafeArgv[index], let found = strstr(argument, value)
      else { continue }
      if let start = strstr(found, "://"), let end = strrchr(start, Int32(UInt8(ascii: "@"))) {
        cover(start + 3, until: end)
      }
      // `...?password=x&...` and `host=h password='x y' ...`: to the end, whatever the quotes mean.
      if let start = strstr(found, "password") {
        cover(start + 8, until: start + strlen(start))
      }
    }
  }

  private static func cover(
    _ start: UnsafeMutablePointer<CChar>, until end: UnsafeMutablePointer<CChar>
  ) {
    var place = start
    while place < end {
      place.pointee = CChar(bitPattern: UInt8(ascii: "*"))
      place += 1
    }
  }
}
