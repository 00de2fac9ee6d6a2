// Loads a process's certificate again at SIGHUP and tells of it. What cannot be used is refused with an
// error in the log, and the one that was there stays. Main loop's thread.
import EventLoops
import Logging
package import WebTransport

package final class CertificateReload {
  private let files: CertificateFiles
  private let host: ProcessHost
  private let apply: (ServerCertificate) async -> Void
  private var current: ServerCertificate
  private var loaded: UInt64 = 0
  private var refused: UInt64 = 0

  private init(
    _ files: CertificateFiles, _ host: ProcessHost,
    _ apply: @escaping (ServerCertificate) async -> Void
  ) {
    self.files = files
    self.host = host
    self.apply = apply
    current = files.certificate
  }

  /// From now on, until the process stops. `apply` hands a new one to the servers.
  package static func begin(
    _ files: CertificateFiles, on host: ProcessHost, metrics: PrometheusRegistry,
    _ apply: @escaping (ServerCertificate) async -> Void
  ) {
    let reload = CertificateReload(files, host, apply)
    reload.warn()
    host.onHangup { await reload.reload() }
    let numbers = metrics.collect(on: host.loop) { reload.collect(into: &$0) }
    host.onStop("certificate") { numbers.cancel() }
  }

  private func reload() async {
    do {
      current = try files.load()
    } catch {
      refused += 1
      return host.logger.error("SIGHUP: the certificate stays as it is: \(error)")
    }
    await apply(current)
    loaded += 1
    host.logger.notice("SIGHUP: new connections get the certificate that was loaded")
    warn()
  }

  private func warn() {
    if let warning = files.warning(current) { host.logger.warning("TLS: \(warning)") }
  }

  private func collect(into samples: inout MetricSamples) {
    samples.gauge(
      "tapedeck_tls_certificate_not_after_seconds",
      help: "When the certificate expires, in seconds since 1970.", current.notAfter)
    for (result, count) in [("loaded", loaded), ("refused", refused)] {
      samples.counter(
        "tapedeck_tls_reloads_total", help: "Certificates loaded again, or refused.",
        labels: [("result", result)], count)
    }
  }
}
