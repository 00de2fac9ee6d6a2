import Glibc
package import WebTransport

/// Where a process has its certificate and key, and what was in them at the start.
package struct CertificateFiles: Sendable {
  private let certificatePath: String
  private let keyPath: String
  package let certificate: ServerCertificate

  /// `--tls-certificate` and `--tls-key`, read and checked; nil when neither is given.
  package static func read(
    _ source: OptionSource, certificate: String?, key: String?
  ) throws(ServiceSupportError) -> CertificateFiles? {
    let certificate = source.string("tls-certificate", flag: certificate)
    let key = source.string("tls-key", flag: key)
    guard let certificate, let key else {
      guard certificate != nil || key != nil else { return nil }
      let (given, missing) =
        certificate != nil ? ("tls-certificate", "tls-key") : ("tls-key", "tls-certificate")
      throw ServiceSupportError(
        .setting,
        "--\(given) is given without --\(missing) (\(OptionSource.variable(for: missing)))")
    }
    return CertificateFiles(
      certificatePath: certificate, keyPath: key, certificate: try load(certificate, key))
  }

  /// What is in the files now.
  package func load() throws(ServiceSupportError) -> ServerCertificate {
    try CertificateFiles.load(certificatePath, keyPath)
  }

  private static func load(
    _ certificatePath: String, _ keyPath: String
  ) throws(ServiceSupportError) -> ServerCertificate {
    do throws(WebTransportError) {
      return try ServerCertificate(certificatePath: certificatePath, keyPath: keyPath)
    } catch {
      throw ServiceSupportError(.setting, "TLS: \(error.reason)")
    }
  }

  /// What to say of a certificate that is used although its time is over, or has not come.
  package func warning(_ certificate: ServerCertificate) -> String? {
    certificate.warning(at: time(nil)).map { "\(certificatePath): \($0)" }
  }
}
