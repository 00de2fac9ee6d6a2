// A program run to its end, with what it wrote. For the tools of a server, in tests only.
import Glibc

struct CapturedCommand {
  /// Exit status; 128 + signal when one ended it.
  let status: Int32
  /// Standard output and standard error as they came.
  let output: String

  /// - Parameter user: whose process it is to be; nil: ours.
  init(_ words: [String], user: String? = nil) throws {
    let login = user.map { ["setpriv", "--reuid", $0, "--regid", $0, "--clear-groups"] } ?? []
    let full = login + words
    var ends: [Int32] = [-1, -1]
    // Close-on-exec from the start: a server that another thread starts must not inherit it.
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, type, 0, &ends) == 0 else {
      throw PrivateServerError(description: "socketpair")
    }
    var argv: [UnsafeMutablePointer<CChar>?] = full.map { strdup($0) } + [nil]
    defer { for word in argv { free(word) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
    var processID: pid_t = 0
    let code = posix_spawnp(&processID, full[0], &actions, nil, &argv, environ)
    close(ends[1])
    defer { close(ends[0]) }
    guard code == 0 else {
      throw PrivateServerError(description: "\(full[0]): \(String(cString: strerror(code)))")
    }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(ends[0], &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      bytes.append(contentsOf: buffer[..<count])
    }
    var result: Int32 = 0
    while waitpid(processID, &result, 0) < 0, errno == EINTR {}
    status = result & 0x7f == 0 ? result >> 8 & 0xff : 128 + result & 0x7f
    output = String(decoding: bytes, as: UTF8.self)
  }
}
