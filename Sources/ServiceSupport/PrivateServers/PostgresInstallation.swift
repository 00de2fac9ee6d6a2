import Glibc

/// The server programs of one major version, as Debian installs them: BASE/<major>/bin.
struct PostgresInstallation: Equatable {
  let major: Int
  /// Where `postgres` and `initdb` are.
  let directory: String

  func program(_ name: String) -> String { directory + "/" + name }

  /// 13: the first with gen_random_uuid() without an extension.
  static let majorMin = 13

  /// The version that made the data in `place`, else the newest one.
  static func find(
    in base: String, for place: PostgresPlace
  ) throws(ServiceSupportError) -> PostgresInstallation {
    let installed = all(in: base)
    guard let newest = installed.last else {
      throw ServiceSupportError(
        .server,
        "PostgreSQL's server is not installed (no \(base)/*/bin/postgres); on Debian 12: "
          + "apt-get install postgresql-15, or deploy/run, which does it without starting a server")
    }
    guard place.isMade else {
      guard newest.major >= majorMin else {
        throw ServiceSupportError(
          .server, "PostgreSQL \(newest.major) is too old; \(majorMin) or later is needed")
      }
      return newest
    }
    let version = try place.version()
    if let found = installed.first(where: { $0.major == Int(version) }) { return found }
    let majors = installed.map { "\($0.major)" }.joined(separator: ", ")
    throw ServiceSupportError(
      .server,
      "\(place.path) was made by PostgreSQL \(version), and installed is \(majors): install "
        + "postgresql-\(version), move the data over with pg_upgrade, or give another --state DIR")
  }

  /// In ascending order.
  private static func all(in base: String) -> [PostgresInstallation] {
    guard let entries = opendir(base) else { return [] }
    defer { closedir(entries) }
    var found: [PostgresInstallation] = []
    while let entry = readdir(entries) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard let major = Int(name), major > 0 else { continue }
      let installation = PostgresInstallation(major: major, directory: "\(base)/\(name)/bin")
      let complete = ["postgres", "initdb"].allSatisfy {
        access(installation.program($0), X_OK) == 0
      }
      if complete { found.append(installation) }
    }
    return found.sorted { $0.major < $1.major }
  }
}

/// How the private server is run: settings on its command line, so that none depends on a file.
enum PostgresSettings {
  static func arguments(clusterName: String) -> [String] {
    let settings: [(String, String)] = [
      ("listen_addresses", ""),  // no TCP
      ("unix_socket_directories", "."),  // its working directory is the data directory
      ("unix_socket_permissions", "0700"),
      ("cluster_name", clusterName),  // in the title of each of its processes
      ("timezone", "UTC"), ("log_timezone", "UTC"),
      ("max_connections", "100"),
      ("shared_buffers", "64MB"),  // the demo's tables are some megabytes
      ("max_wal_size", "256MB"),
      ("jit", "off"),  // every statement is short
      ("log_checkpoints", "off"),
      // What comes with a statement stays out of the log: it may be somebody's data.
      ("log_parameter_max_length", "0"), ("log_parameter_max_length_on_error", "0"),
      ("log_error_verbosity", "terse"),
    ]
    return ["-D", ServerCommand.directory] + settings.flatMap { ["-c", "\($0.0)=\($0.1)"] }
  }
}
