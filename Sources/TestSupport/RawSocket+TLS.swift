// TLS from the client's side, by OpenSSL on the socket's own descriptor: what a test sends and reads by
// the other methods goes through it from then on.
import CCrypto
import Glibc

final class TLSOfRawSocket {
  private let context: OpaquePointer
  let session: OpaquePointer

  init(fd: Int32, name: String, versionMax: Int32?) throws(RawSocketError) {
    guard let context = SSL_CTX_new(TLS_client_method()) else {
      throw RawSocketError(description: "SSL_CTX_new")
    }
    self.context = context
    if let versionMax { _ = cryptox_set_max_version(context, versionMax) }
    guard let session = SSL_new(context) else {
      SSL_CTX_free(context)
      throw RawSocketError(description: "SSL_new")
    }
    self.session = session
    SSL_set_fd(session, fd)
    _ = cryptox_set_host_name(session, name)
  }

  deinit {
    SSL_free(session)
    SSL_CTX_free(context)
  }

  /// Bytes that have been taken off the socket already.
  var hasInput: Bool { SSL_pending(session) > 0 }

  func send(_ bytes: [UInt8]) -> Bool {
    guard !bytes.isEmpty else { return true }
    ERR_clear_error()
    return SSL_write(session, bytes, Int32(bytes.count)) == bytes.count
  }

  /// Empty at the end of the stream, nil when it ended otherwise. Waits.
  func receive() -> ArraySlice<UInt8>? {
    var room = [UInt8](repeating: 0, count: 64 * 1_024)
    ERR_clear_error()
    let count = SSL_read(session, &room, Int32(room.count))
    if count > 0 { return room[..<Int(count)] }
    return SSL_get_error(session, count) == SSL_ERROR_ZERO_RETURN ? [] : nil
  }
}

extension RawSocket {
  /// What a handshake came to.
  public struct Handshake: Equatable, Sendable {
    /// TLSv1.3
    public var version: String
    public var cipher: String
    /// SHA-256 of the certificate.
    public var fingerprint: [UInt8]
  }

  /// A handshake with any certificate. Waits at most `milliseconds` for each of the server's answers.
  public func startTLS(
    name: String = "localhost", milliseconds: Int = 10_000, versionMax: Int32? = nil
  ) throws(RawSocketError) -> Handshake {
    precondition(tls == nil, "TLS twice")
    var time = timeval(tv_sec: milliseconds / 1_000, tv_usec: milliseconds % 1_000 * 1_000)
    setsockopt(
      fd, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    let tls = try TLSOfRawSocket(fd: fd, name: name, versionMax: versionMax)
    ERR_clear_error()
    guard SSL_connect(tls.session) == 1 else {
      let reason = ERR_reason_error_string(ERR_peek_last_error()).map { String(cString: $0) }
      throw RawSocketError(description: "TLS: \(reason ?? "the connection ended")")
    }
    self.tls = tls
    let certificate = SSL_get1_peer_certificate(tls.session)
    defer { X509_free(certificate) }
    var fingerprint = [UInt8](repeating: 0, count: 32)
    X509_digest(certificate, EVP_sha256(), &fingerprint, nil)
    return Handshake(
      version: String(cString: SSL_get_version(tls.session)),
      cipher: String(cString: SSL_CIPHER_get_name(SSL_get_current_cipher(tls.session))),
      fingerprint: fingerprint)
  }

  /// The first bytes of a handshake, a whole ClientHello, which a test may cut.
  public static func clientHello() throws(RawSocketError) -> [UInt8] {
    let tls = try TLSOfRawSocket(fd: -1, name: "localhost", versionMax: nil)
    guard let out = BIO_new(BIO_s_mem()), let input = BIO_new(BIO_s_mem()) else {
      throw RawSocketError(description: "BIO_new")
    }
    SSL_set_bio(tls.session, input, out)
    _ = SSL_connect(tls.session)
    ERR_clear_error()
    var room = [UInt8](repeating: 0, count: 4_096)
    let count = BIO_read(out, &room, Int32(room.count))
    guard count > 0 else { throw RawSocketError(description: "no ClientHello") }
    return Array(room[..<Int(count)])
  }
}
