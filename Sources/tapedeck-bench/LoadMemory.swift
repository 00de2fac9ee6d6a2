// What clients that do not read cost the server, seen from outside once a second: the process's
// resident memory from /proc/PID/statm, and what lies in its sockets from /proc/net/tcp, whose column
// tx_queue is what SIOCOUTQ gives the socket's owner. On a thread of its own, so that reading thousands of
// lines does not delay the clients that are measured.
import EventLoops
import Glibc

final class LoadMemory: Sendable {
  struct Sample: Sendable {
    var seconds: Double
    var residentBytes: Int
    /// Sockets of the server's port that a process holds, and bytes unsent or not acknowledged in them.
    var sockets = 0
    var queuedBytes = 0
    var queuedBytesMax = 0
    /// The same in sockets that nobody holds any more and that still wait for their peer.
    var orphans = 0
    var orphanBytes = 0
  }

  private let process: Int32
  private let port: UInt16
  private let samples = Locked<[Sample]>([])
  private let isStopped = Locked(false)

  init(process: Int32, port: UInt16) {
    self.process = process
    self.port = port
  }

  var all: [Sample] { samples.withLock { $0 } }

  /// Looks now, on the calling thread.
  func look() -> Sample {
    var sample = Sample(seconds: LoadMemory.now(), residentBytes: residentBytes())
    // Columns: sl local remote st tx_queue:rx_queue ...; addresses as hexadecimal ADDRESS:PORT.
    let end = ":" + LoadMemory.hexadecimal(port)
    for line in LoadMemory.contents("/proc/net/tcp").split(separator: "\n").dropFirst() {
      let words = line.split(separator: " ", maxSplits: 10)
      guard words.count > 9, words[1].hasSuffix(end), words[3] != "0A",
        let queued = words[4].split(separator: ":").first.flatMap({ Int($0, radix: 16) })
      else { continue }
      // Established, or closed by the peer; in the other states the process has closed it.
      if words[3] == "01" || words[3] == "08" {
        sample.sockets += 1
        sample.queuedBytes += queued
        sample.queuedBytesMax = max(sample.queuedBytesMax, queued)
      } else if queued > 1 {
        sample.orphans += 1
        sample.orphanBytes += queued
      }
    }
    return sample
  }

  /// Looks each second until `stop`.
  func start() {
    let context = Unmanaged.passRetained(self)  // released by the thread itself, at its end
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { context in
        let memory = Unmanaged<LoadMemory>.fromOpaque(context!).takeRetainedValue()
        while !memory.isStopped.withLock({ $0 }) {
          let sample = memory.look()
          memory.samples.withLock { $0.append(sample) }
          usleep(1_000_000)
        }
        return nil
      }, context.toOpaque())
    pthread_detach(thread)
  }

  func stop() { isStopped.withLock { $0 = true } }

  private func residentBytes() -> Int {
    let words = LoadMemory.contents("/proc/\(process)/statm").split(separator: " ")
    guard words.count > 1, let pages = Int(words[1]) else { return 0 }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  private static func hexadecimal(_ port: UInt16) -> String {
    let digits = String(port, radix: 16, uppercase: true)
    return String(repeating: "0", count: 4 - digits.count) + digits
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  private static func contents(_ path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
      bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
