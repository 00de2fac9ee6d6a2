import Glibc
import Logging

/// The limit on open descriptors: each client is one, and the usual soft limit is 1,024.
enum OpenFiles {
  /// Raises the soft limit to the hard one and logs what it is; the process goes on if it cannot.
  static func raiseLimit(_ logger: Logger) {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit)
    let before = limit.rlim_cur
    limit.rlim_cur = limit.rlim_max
    if setrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit) == 0 {
      logger.debug("open files: at most \(limit.rlim_max), was \(before)")
    } else {
      logger.warning("open files: at most \(before); raising it failed: \(lastSystemError())")
    }
  }
}
