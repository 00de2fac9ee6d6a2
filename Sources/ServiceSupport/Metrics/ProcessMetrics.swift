import Glibc

/// The process's own numbers, under the names that Prometheus' client libraries share.
enum ProcessMetrics {
  static func collect(_ samples: inout MetricSamples) {
    var usage = rusage()
    getrusage(RUSAGE_SELF.rawValue, &usage)
    samples.counter(
      "process_cpu_seconds_total", help: "User and system CPU time.",
      seconds(usage.ru_utime) + seconds(usage.ru_stime))
    if let pages = residentPages() {
      samples.gauge(
        "process_resident_memory_bytes", help: "Resident memory.",
        pages * Int(sysconf(Int32(_SC_PAGESIZE))))
    }
    var limit = rlimit()
    if getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit) == 0 {
      samples.gauge("process_max_fds", help: "Limit on open descriptors.", limit.rlim_cur)
    }
  }

  private static func seconds(_ time: timeval) -> Double {
    Double(time.tv_sec) + Double(time.tv_usec) / 1e6
  }

  /// The second field of /proc/self/statm (proc(5)).
  private static func residentPages() -> Int? {
    let descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = read(descriptor, &bytes, bytes.count)
    guard count > 0 else { return nil }
    let fields = String(decoding: bytes[..<count], as: UTF8.self).split(separator: " ")
    return fields.count > 1 ? Int(fields[1]) : nil
  }
}
