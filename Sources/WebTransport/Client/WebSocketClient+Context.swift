// Makes the libwebsockets context of a client and receives its callbacks.
import CCrypto
import CLibwebsockets
import EventLoops
import Glibc

/// As for the server: no keep-alive checks of lws' own. Never written, so safe to share.
nonisolated(unsafe) private let noRetries: UnsafeMutablePointer<lws_retry_bo_t> = {
  let policy = UnsafeMutablePointer<lws_retry_bo_t>.allocate(capacity: 1)
  policy.initialize(to: lws_retry_bo_t())
  return policy
}()

/// What lws keeps pointers to for the life of the process.
private let protocolName = StaticString("tapedeck-client")
private let alpn = StaticString("http/1.1")

extension WebSocketClient {
  func createContext() throws(WebTransportError) {
    prepareProtocols()
    var info = lws_context_creation_info()
    info.port = CONTEXT_PORT_NO_LISTEN
    info.protocols = UnsafePointer(protocols)
    info.user = Unmanaged.passUnretained(self).toOpaque()  // `close` precedes deinit, see there
    info.pcontext = contextSlot
    info.gid = -1
    info.uid = -1
    // Without a file of ours lws would also believe what lies in "../share" of the working directory.
    info.options = UInt64(LWS_SERVER_OPTION_LIBUV) | UInt64(LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS)
    info.max_http_header_data2 = UInt32(WebTransportLimits.headBytesMax)
    info.max_http_header_pool2 = UInt32(WebTransportLimits.clientSocketsMax)
    info.pt_serv_buf_size = UInt32(WebTransportLimits.clientReceivePieceBytes)
    info.retry_and_idle_policy = UnsafePointer(noRetries)
    // Our own timers come first, so that the reason is ours; these are behind them.
    info.connect_timeout_secs = UInt32(configuration.connectMilliseconds / 1_000 + 5)
    info.timeout_secs = UInt32(
      max(configuration.handshakeMilliseconds, configuration.connectMilliseconds) / 1_000 + 5)
    try checkTrust()
    var loops: UnsafeMutableRawPointer? = UnsafeMutableRawPointer(loop.uv)
    let idlesBefore = loop.openHandles().count { $0 == "idle" }
    isSettingUp = true
    defer { isSettingUp = false }
    let context = withStrings { (certificates, noProxy) -> OpaquePointer? in
      info.alpn = UnsafeRawPointer(alpn.utf8Start).assumingMemoryBound(to: CChar.self)
      // An empty address without a port keeps lws from using the environment's http_proxy.
      info.http_proxy_address = noProxy
      if certificates != nil {
        info.options |= UInt64(LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT)
        info.client_ssl_ca_filepath = certificates
      }
      return withUnsafeMutablePointer(to: &loops) {
        info.foreign_loops = $0
        return LibwebsocketsLog.createContext(&info)
      }
    }
    guard let context else {
      throw WebTransportError(
        code: .contextFailed,
        reason: "libwebsockets made no context" + (lastSetUpLine.map { ": \($0)" } ?? ""))
    }
    contextSlot.pointee = context
    guard loop.openHandles().count(where: { $0 == "idle" }) > idlesBefore else {
      lws_context_destroy(context)
      contextSlot.pointee = nil
      throw WebTransportError(
        code: .notOnLoop, reason: "libwebsockets is not on the libuv loop: libwebsockets-evlib-uv?")
    }
    vhost = lws_get_vhost_by_name(context, "default")
    precondition(vhost != nil, "libwebsockets has no default vhost")
  }

  /// lws goes on without a file that it cannot use, and says so in its log alone.
  private func checkTrust() throws(WebTransportError) {
    guard let path = configuration.trust.path else { return }
    func failure(_ reason: String) -> WebTransportError {
      WebTransportError(code: .contextFailed, reason: "\(path): \(reason)")
    }
    guard access(path, R_OK) == 0 else { throw failure(String(cString: strerror(errno))) }
    guard let file = BIO_new_file(path, "r") else { throw failure("it cannot be opened") }
    defer { BIO_free(file) }
    var count = 0
    while let certificate = PEM_read_bio_X509(file, nil, nil, nil) {
      X509_free(certificate)
      count += 1
    }
    // The end of the file is an error of OpenSSL's too.
    ERR_clear_error()
    guard count > 0 else { throw failure("there is no certificate in it") }
  }

  private func withStrings<T>(
    _ body: (UnsafePointer<CChar>?, UnsafePointer<CChar>?) -> T
  ) -> T {
    let certificates = configuration.trust.path.flatMap { strdup($0) }
    let noProxy = strdup("")
    defer {
      free(certificates)
      free(noProxy)
    }
    return body(certificates, noProxy)
  }

  private func prepareProtocols() {
    var entry = lws_protocols()
    entry.name = UnsafeRawPointer(protocolName.utf8Start).assumingMemoryBound(to: CChar.self)
    entry.callback = { wsi, reason, _, bytes, count in
      guard let wsi, let context = lws_get_context(wsi), let user = lws_context_user(context) else {
        return 0
      }
      // The client outlives its context: `close` waits for the end of both.
      let client = Unmanaged<WebSocketClient>.fromOpaque(user).takeUnretainedValue()
      return client.called(wsi, reason, bytes, count)
    }
    entry.rx_buffer_size = WebTransportLimits.clientReceivePieceBytes
    entry.tx_packet_size = WebTransportLimits.transmitPieceBytes
    protocols.initialize(to: entry)
    protocols.advanced(by: 1).initialize(to: lws_protocols())
  }

  func serial(of wsi: OpaquePointer) -> UInt32? {
    let bits = UInt(bitPattern: lws_get_opaque_user_data(wsi))
    guard let serial = UInt32(exactly: bits), attempts[serial] != nil else { return nil }
    return serial
  }

  /// A callback of libwebsockets. -1 closes the connection.
  private func called(
    _ wsi: OpaquePointer, _ reason: lws_callback_reasons, _ pointer: UnsafeMutableRawPointer?,
    _ count: Int
  ) -> Int32 {
    // A certificate's check and the context's own events are about none of ours, or need no answer.
    guard let serial = serial(of: wsi) else { return 0 }
    attempts[serial]?.wsi = wsi
    guard let socket = attempts[serial]?.socket else {
      switch reason {
      case LWS_CALLBACK_WSI_DESTROY: forget(serial)
      // Given up meanwhile: it must not come to life.
      case LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH: return -1
      default: break
      }
      return 0
    }
    switch reason {
    case LWS_CALLBACK_CLIENT_RECEIVE: return socket.received(wsi, bytes(pointer, count))
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG: return socket.ponged()
    case LWS_CALLBACK_CLIENT_WRITEABLE: return socket.writable(wsi)
    case LWS_CALLBACK_WSI_CREATE: return socket.connected(wsi)
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
      return socket.appendHeaders(to: pointer, room: count)
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP: return socket.answered(wsi)
    case LWS_CALLBACK_CLIENT_ESTABLISHED: return socket.opened(wsi)
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: return socket.peerCloses(bytes(pointer, count))
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
      let said = bytes(pointer, count).prefix { $0 != 0 }
      socket.attemptFailed(systemError(wsi) ?? String(decoding: said, as: UTF8.self))
      return 0
    case LWS_CALLBACK_CLIENT_CLOSED, LWS_CALLBACK_CLOSED_CLIENT_HTTP:
      socket.broke()
      return 0
    case LWS_CALLBACK_WSI_DESTROY:
      forget(serial)
      socket.broke()
      return 0
    default: return 0
    }
  }

  /// The count means other things in other callbacks, and is negative in some.
  private func bytes(_ pointer: UnsafeMutableRawPointer?, _ count: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: pointer, count: pointer == nil ? 0 : max(0, count))
  }

  /// Why a socket failed; libwebsockets does not say it.
  private func systemError(_ wsi: OpaquePointer) -> String? {
    let fd = lws_get_socket_fd(wsi)
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    guard fd >= 0, getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length) == 0, code != 0 else {
      return nil
    }
    return String(cString: strerror(code))
  }
}
