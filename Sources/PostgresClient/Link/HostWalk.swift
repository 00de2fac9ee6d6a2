// Which host and address is tried next in one attempt to connect: each host once, beginning at the one
// that served last, each of its addresses once. Pure.

struct HostWalk {
  enum Step: Equatable {
    /// Look the name up, then tell `found` or `failed`.
    case lookUp(PostgresLocation.Host)
    /// `address` empty: a Unix socket.
    case connect(PostgresLocation.Host, address: String)
    case exhausted(PostgresDown)
  }

  private let hosts: [PostgresLocation.Host]
  private let first: Int
  private var tried = 0
  private var addresses: [String] = []
  private var reason: PostgresDown?

  init(hosts: [PostgresLocation.Host], first: Int) {
    self.hosts = hosts
    self.first = first
  }

  /// The host of the step under way.
  private(set) var index = 0

  mutating func next() -> Step {
    if !addresses.isEmpty { return .connect(hosts[index], address: addresses.removeFirst()) }
    guard tried < hosts.count else { return .exhausted(reason ?? .closed) }
    index = (first + tried) % hosts.count
    tried += 1
    let host = hosts[index]
    if host.isSocket { return .connect(host, address: "") }
    if !host.address.isEmpty { return .connect(host, address: host.address) }
    return .lookUp(host)
  }

  mutating func found(_ addresses: [String]) { self.addresses = addresses }

  /// The most telling reason stays: that a host is only a standby explains nothing beside another.
  mutating func failed(_ why: PostgresDown) {
    switch (reason, why) {
    case (nil, _), (.readOnly?, _): reason = why
    default: break
    }
  }
}
