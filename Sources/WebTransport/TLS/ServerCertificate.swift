// What a server shows of itself: a certificate, the chain above it and the key, read from PEM files and
// tried out before any server gets them, so that a file that cannot be used is named with its reason.
// Reading is for the start and for a reload: it blocks. A loaded one is never changed; servers on several
// loops share it. Nothing of a key is ever in an error's words.
import CCrypto
import Glibc

/// `@unchecked Sendable`: nothing in it changes after `init`, and OpenSSL counts references atomically.
public final class ServerCertificate: @unchecked Sendable {
  private let certificate: OpenSSLObject
  private let key: OpenSSLObject
  /// A STACK_OF(X509), in the file's order; may be empty.
  private let chain: OpenSSLObject
  /// Seconds since 1970 between which the certificate is valid, both included.
  public let notBefore: Int
  public let notAfter: Int

  /// Reads and tries both files. The server's own certificate comes first in its file, then those that
  /// link it to an authority. One file may be both.
  public init(certificatePath: String, keyPath: String) throws(WebTransportError) {
    ERR_clear_error()
    defer { ERR_clear_error() }
    (certificate, chain) = try PEMFile(certificatePath).certificates()
    key = try PEMFile(keyPath).key()
    guard X509_check_private_key(certificate.pointer, key.pointer) == 1 else {
      throw PEMFile.failure(
        keyPath, "it is not the key of the first certificate in \(certificatePath)")
    }
    notBefore = ServerCertificate.seconds(X509_get0_notBefore(certificate.pointer))
    notAfter = ServerCertificate.seconds(X509_get0_notAfter(certificate.pointer))
    try tryOut(certificatePath)
  }

  /// OpenSSL refuses some that can be read: keys too short for its security level, kinds of keys that
  /// TLS has no use for.
  private func tryOut(_ path: String) throws(WebTransportError) {
    guard let context = SSL_CTX_new(TLS_server_method()) else {
      throw PEMFile.failure(path, "OpenSSL makes no context")
    }
    defer { SSL_CTX_free(context) }
    guard
      SSL_CTX_use_cert_and_key(context, certificate.pointer, key.pointer, chain.pointer, 1) == 1
    else { throw PEMFile.failure(path, "OpenSSL refuses it: \(PEMFile.lastReason())") }
  }

  /// Gives it to a handshake that has none yet. False when OpenSSL has no memory.
  func use(in handshake: OpaquePointer) -> Bool {
    SSL_use_cert_and_key(handshake, certificate.pointer, key.pointer, chain.pointer, 1) == 1
  }

  /// What to warn of at a time in seconds since 1970; nil while it is valid.
  public func warning(at now: Int) -> String? {
    if now > notAfter { return "the certificate has expired on \(Self.text(notAfter))" }
    if now < notBefore { return "the certificate is not valid before \(Self.text(notBefore))" }
    return nil
  }

  private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int {
    var parts = tm()
    // A time that cannot be read has passed.
    guard ASN1_TIME_to_tm(time, &parts) == 1 else { return 0 }
    return timegm(&parts)
  }

  /// `2026-11-21T06:23:00Z`
  static func text(_ seconds: Int) -> String {
    var time = time_t(seconds)
    var parts = tm()
    guard gmtime_r(&time, &parts) != nil else { return "\(seconds)" }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 40) { room in
      let count = strftime(room.baseAddress!, room.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
      return String(decoding: room[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }
}

/// A counted object of OpenSSL's, given back with the last reference to this.
final class OpenSSLObject {
  let pointer: OpaquePointer
  private let free: (OpaquePointer) -> Void

  init(_ pointer: OpaquePointer, _ free: @escaping (OpaquePointer) -> Void) {
    self.pointer = pointer
    self.free = free
  }

  deinit { free(pointer) }
}
