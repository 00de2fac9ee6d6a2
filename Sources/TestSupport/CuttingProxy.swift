// A Unix socket in front of another one that passes bytes on both ways, until the client says a certain
// word: that still reaches the server, and nothing comes back any more. For the answer that is lost.
//
// Blocking, with two threads per connection; the objects are shared by their locks.
import EventLoops
import Glibc

public final class CuttingProxy: Sendable {
  /// Holds the listening socket, under the same file name as the server's.
  public let directory: String

  private let listener: Int32
  private let target: String
  private let word: [UInt8]
  private let state = Locked(State())

  private struct State {
    var isEnded = false
    var isCutting = false
    var cuts = 0
  }

  /// - Parameters:
  ///   - target: directory of the server's socket.
  ///   - name: its file name.
  ///   - word: what cuts the connection, while `isCutting`; it has to come in one write.
  public init(target: String, name: String, word: String) throws {
    var template = Array("/tmp/tapedeck-proxy-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw PrivateServerError(description: "mkdtemp") }
    directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    self.target = "\(target)/\(name)"
    self.word = Array(word.utf8)
    listener = CuttingProxy.socket()
    let path = "\(directory)/\(name)"
    guard CuttingProxy.with(path, { bind(listener, $0, $1) }) == 0, listen(listener, 16) == 0 else {
      throw PrivateServerError(description: "bind: \(String(cString: strerror(errno)))")
    }
    thread { $0.accept() }
  }

  public var isCutting: Bool {
    get { state.withLock { $0.isCutting } }
    set { state.withLock { $0.isCutting = newValue } }
  }

  /// Connections cut so far.
  public var cuts: Int { state.withLock { $0.cuts } }

  public func close() {
    state.withLock { $0.isEnded = true }
    shutdown(listener, Int32(SHUT_RDWR))
    removeDirectory(directory)
  }

  deinit { Glibc.close(listener) }

  private func accept() {
    while true {
      let client = Glibc.accept(listener, nil, nil)
      guard client >= 0 else { return }
      let server = CuttingProxy.socket()
      guard CuttingProxy.with(target, { connect(server, $0, $1) }) == 0 else {
        Glibc.close(client)
        Glibc.close(server)
        continue
      }
      let pair = Pair(client: client, server: server)
      thread { $0.pump(pair, toServer: true) }
      thread { $0.pump(pair, toServer: false) }
    }
  }

  private func pump(_ pair: Pair, toServer: Bool) {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let (from, to) = toServer ? (pair.client, pair.server) : (pair.server, pair.client)
    while true {
      let count = recv(from, &buffer, buffer.count, 0)
      guard count > 0 else { break }
      if toServer, isCutting, CuttingProxy.contains(buffer[..<count], word) {
        pair.isCut.withLock { $0 = true }
        state.withLock { $0.cuts += 1 }
      }
      // What the server still says to a cut client is read and forgotten.
      if !toServer, pair.isCut.withLock({ $0 }) { break }
      guard send(to, buffer, count, Int32(MSG_NOSIGNAL)) == count else { break }
    }
    shutdown(pair.client, Int32(SHUT_RDWR))
    shutdown(pair.server, Int32(SHUT_RDWR))
  }

  private final class Pair: Sendable {
    let client: Int32
    let server: Int32
    let isCut = Locked(false)

    init(client: Int32, server: Int32) {
      self.client = client
      self.server = server
    }

    deinit {
      Glibc.close(client)
      Glibc.close(server)
    }
  }

  // MARK: - System

  private final class Work: Sendable {
    let proxy: CuttingProxy
    let body: @Sendable (CuttingProxy) -> Void

    init(_ proxy: CuttingProxy, _ body: @escaping @Sendable (CuttingProxy) -> Void) {
      self.proxy = proxy
      self.body = body
    }
  }

  private func thread(_ body: @escaping @Sendable (CuttingProxy) -> Void) {
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(Work(self, body)).toOpaque()  // released by the thread
    let code = pthread_create(
      &thread, nil,
      { argument in
        let work = Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue()
        work.body(work.proxy)
        return nil
      }, argument)
    precondition(code == 0, "pthread_create")
    pthread_detach(thread)
  }

  private static func socket() -> Int32 {
    Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
  }

  private static func with(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return withUnsafeBytes(of: &address) { bytes in
      body(bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
    }
  }

  private static func contains(_ bytes: ArraySlice<UInt8>, _ word: [UInt8]) -> Bool {
    guard bytes.count >= word.count else { return false }
    return (bytes.startIndex...(bytes.endIndex - word.count)).contains { start in
      bytes[start..<(start + word.count)].elementsEqual(word)
    }
  }
}
