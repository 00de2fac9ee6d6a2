// TLS of a server. libwebsockets makes the SSL_CTX; here it is told how strict to be, and each handshake
// asks for the certificate that the server has at that moment. So a new certificate is one assignment on
// the loop's thread: handshakes under way and connections keep what they have, and a certificate with
// another kind of key leaves nothing of the old one behind, as it would in the SSL_CTX itself.
import CCrypto
import EventLoops

extension WebServer {
  /// New handshakes show this one; connections go on. Only for a server that was started with one.
  public func use(_ certificate: ServerCertificate) {
    loop.preconditionInLoop()
    precondition(self.certificate != nil, "a server without TLS does not begin with it")
    self.certificate = certificate
  }

  /// libwebsockets has made its SSL_CTX. False fails the start.
  func prepareTLS(_ context: OpaquePointer) -> Bool {
    // TLS 1.2 with forward secrecy and authenticated encryption, or TLS 1.3 with what OpenSSL has by
    // itself. libwebsockets allows one curve alone; browsers offer the first of these at once, and
    // another one would cost them a round trip.
    guard cryptox_set_min_version(context, TLS1_2_VERSION) == 1,
      SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1,
      cryptox_set_groups(context, "X25519:P-256:P-384") == 1
    else { return false }
    // A client must not make the server do another handshake on a connection.
    SSL_CTX_set_options(context, cryptox_no_renegotiation)
    // Sessions are resumed by tickets, which the client keeps; OpenSSL would keep 20,480 of those
    // that have none, each of some kilobytes, in every loop.
    cryptox_keep_no_sessions(context)
    SSL_CTX_set_cert_cb(
      context,
      { handshake, server in
        guard let handshake, let server else { return 0 }
        // The server outlives its context: `close` waits for the end of both.
        let own = Unmanaged<WebServer>.fromOpaque(server).takeUnretainedValue()
        guard let certificate = own.certificate, certificate.use(in: handshake) else { return 0 }
        own.counters.handshakes += 1
        return 1
      }, Unmanaged.passUnretained(self).toOpaque())
    return true
  }
}
