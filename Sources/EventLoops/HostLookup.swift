// Addresses of a host name without stopping the loop: getaddrinfo blocks for seconds when a name
// server is away, so it runs on a thread of its own and wakes the loop through a socket pair.
//
// The loop's thread owns the object and the reading end. The thread owns the `Job`, which holds copies
// and the writing end; whoever of the two is last frees it. So `close` is at once even if getaddrinfo
// hangs: nothing of the loop is left open, and the thread ends by itself. Numeric addresses need no
// thread.
import Glibc

/// A socket address of any family.
public struct SocketAddress: Hashable, Sendable {
  public let family: Int32
  /// The bytes of the sockaddr.
  public let bytes: [UInt8]

  /// The path must fit sun_path: its owner has checked that.
  public static func unix(path: String) -> SocketAddress {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { field in
      precondition(path.utf8.count < field.count, "a socket path of over 107 bytes")
      field.copyBytes(from: path.utf8)
    }
    return SocketAddress(family: AF_UNIX, bytes: withUnsafeBytes(of: &address) { [UInt8]($0) })
  }

  /// getaddrinfo, with its reason when it fails. `isNumeric`: no name server is asked.
  public static func lookUp(
    host: String, port: UInt16, isNumeric: Bool
  ) -> Result<[SocketAddress], HostNotFound> {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_NUMERICSERV | (isNumeric ? AI_NUMERICHOST : 0)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, String(port), &hints, &list)
    guard code == 0 else {
      return .failure(HostNotFound(reason: "\(host): \(String(cString: gai_strerror(code)))"))
    }
    defer { freeaddrinfo(list) }
    var found: [SocketAddress] = []
    var next = list
    while let entry = next, found.count < EventLoopLimits.addressesMax {
      found.append(
        SocketAddress(
          family: entry.pointee.ai_family,
          bytes: [UInt8](
            UnsafeRawBufferPointer(
              start: entry.pointee.ai_addr, count: Int(entry.pointee.ai_addrlen)))))
      next = entry.pointee.ai_next
    }
    return .success(found)
  }

  /// `127.0.0.1` or `::1`; nil for an address without such a text.
  public var numericHost: String? {
    var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    let code = bytes.withUnsafeBytes { raw in
      getnameinfo(
        raw.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(raw.count), &text,
        socklen_t(text.count), nil, 0, NI_NUMERICHOST)
    }
    guard code == 0, family != AF_UNIX else { return nil }
    return text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }
}

/// A host name without addresses, and the resolver's reason.
public struct HostNotFound: Error, Hashable, Sendable { public let reason: String }

public final class HostLookup {
  private final class Job: Sendable {
    let host: String
    let port: UInt16
    let signal: Int32
    let result = Locked<Result<[SocketAddress], HostNotFound>?>(nil)

    init(host: String, port: UInt16, signal: Int32) {
      self.host = host
      self.port = port
      self.signal = signal
    }

    deinit {
      Glibc.close(signal)
      HostLookup.underWay.withLock { $0 -= 1 }
    }

    func run() {
      let found = SocketAddress.lookUp(host: host, port: port, isNumeric: false)
      result.withLock { $0 = found }
      // Nobody may read any more: no SIGPIPE for that.
      _ = Glibc.send(signal, "1", 1, Int32(MSG_NOSIGNAL))
    }
  }

  /// Jobs that exist in the process.
  private static let underWay = Locked(0)

  private let job: Job
  private var wakeEnd: Int32
  private var poll: LoopPoll?

  /// Calls `done` later on the loop, unless closed before. Nil when no thread can be had or
  /// `EventLoopLimits.hostLookupsMax` are under way.
  public init?(
    loop: EventLoop, host: String, port: UInt16,
    _ done: @escaping (Result<[SocketAddress], HostNotFound>) -> Void
  ) {
    var ends: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { return nil }
    guard
      HostLookup.underWay.withLock({ count in
        guard count < EventLoopLimits.hostLookupsMax else { return false }
        count += 1
        return true
      })
    else {
      Glibc.close(ends[0])
      Glibc.close(ends[1])
      return nil
    }
    job = Job(host: host, port: port, signal: ends[1])
    wakeEnd = ends[0]
    do {
      poll = try LoopPoll(loop: loop, fd: wakeEnd) { [unowned self] _ in finish(done) }
    } catch {
      close()
      return nil
    }
    poll?.watch(.readable)
    guard HostLookup.startThread(job) else {
      close()
      return nil
    }
  }

  public func close() {
    poll?.close()
    poll = nil
    if wakeEnd >= 0 { Glibc.close(wakeEnd) }
    wakeEnd = -1
  }

  private func finish(_ done: (Result<[SocketAddress], HostNotFound>) -> Void) {
    guard let result = job.result.withLock({ $0 }) else { return }
    close()
    done(result)
  }

  private static func startThread(_ job: Job) -> Bool {
    let argument = Unmanaged.passRetained(job).toOpaque()  // released by the thread
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<Job>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
      }, argument)
    if code == 0 { pthread_detach(thread) }
    if code != 0 { Unmanaged<Job>.fromOpaque(argument).release() }
    return code == 0
  }
}
