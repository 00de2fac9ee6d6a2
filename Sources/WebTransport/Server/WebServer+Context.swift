// Makes the libwebsockets context and receives its callbacks.
import CLibwebsockets
import EventLoops
import Glibc

/// No keep-alive checks of lws' own: it keeps them in one sorted list, so that each connect would cost
/// time in proportion to the connections. Never written, so safe to share.
nonisolated(unsafe) private let noRetries: UnsafeMutablePointer<lws_retry_bo_t> = {
  let policy = UnsafeMutablePointer<lws_retry_bo_t>.allocate(capacity: 1)
  policy.initialize(to: lws_retry_bo_t())
  return policy
}()

/// What lws keeps pointers to for the life of the process.
private let protocolName = StaticString("tapedeck")
private let alpn = StaticString("http/1.1")

extension WebServer {
  func createContext() throws(WebTransportError) {
    guard Interposed.isEffective(for: self), ReadHook.isInstalled else {
      throw WebTransportError(
        code: .contextFailed, reason: "libwebsockets' calls to itself cannot be intercepted")
    }
    prepareProtocols()
    var info = lws_context_creation_info()
    info.port = CONTEXT_PORT_NO_LISTEN_SERVER
    info.protocols = UnsafePointer(protocols)
    info.user = Unmanaged.passUnretained(self).toOpaque()  // `close` precedes deinit, see there
    info.pcontext = contextSlot
    info.gid = -1
    info.uid = -1
    info.options = UInt64(LWS_SERVER_OPTION_LIBUV) | UInt64(LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS)
    info.max_http_header_data2 = UInt32(configuration.headBytesMax)
    info.max_http_header_pool2 = UInt32(
      min(WebTransportLimits.headTablesMax, configuration.connectionsMax))
    info.retry_and_idle_policy = UnsafePointer(noRetries)
    // Our own timers come first, so that there is an answer; these are behind them.
    info.keepalive_timeout = Int32(configuration.keepAliveMilliseconds / 1_000 + 5)
    info.timeout_secs_ah_idle = UInt32(configuration.headTimeoutMilliseconds / 1_000 + 5)
    info.timeout_secs = UInt32(
      max(configuration.headTimeoutMilliseconds, configuration.bodyTimeoutMilliseconds) / 1_000 + 5)
    var loops: UnsafeMutableRawPointer? = UnsafeMutableRawPointer(loop.uv)
    let idlesBefore = loop.openHandles().count { $0 == "idle" }
    if certificate != nil {
      // The SSL_CTX is ours to fill, see `prepareTLS`.
      info.options |=
        UInt64(LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT)
        | UInt64(LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX)
    }
    info.alpn = UnsafeRawPointer(alpn.utf8Start).assumingMemoryBound(to: CChar.self)
    let context = withUnsafeMutablePointer(to: &loops) {
      info.foreign_loops = $0
      return LibwebsocketsLog.createContext(&info)
    }
    guard let context else {
      throw WebTransportError(code: .contextFailed, reason: "libwebsockets made no context")
    }
    contextSlot.pointee = context
    // lws falls back to its own poll without a word when its libuv plugin is not installed.
    guard loop.openHandles().count(where: { $0 == "idle" }) > idlesBefore else {
      lws_context_destroy(context)
      contextSlot.pointee = nil
      throw WebTransportError(
        code: .notOnLoop, reason: "libwebsockets is not on the libuv loop: libwebsockets-evlib-uv?")
    }
    vhost = lws_get_vhost_by_name(context, "default")
    precondition(vhost != nil, "libwebsockets has no default vhost")
  }

  private func prepareProtocols() {
    var entry = lws_protocols()
    entry.name = UnsafeRawPointer(protocolName.utf8Start).assumingMemoryBound(to: CChar.self)
    entry.callback = { wsi, reason, subject, bytes, count in
      guard let wsi, let context = lws_get_context(wsi), let user = lws_context_user(context) else {
        return 0
      }
      // The server outlives its context: `close` waits for the end of both.
      let server = Unmanaged<WebServer>.fromOpaque(user).takeUnretainedValue()
      if reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS {
        return subject.map { server.prepareTLS(OpaquePointer($0)) } == true ? 0 : 1
      }
      // The count means other things in other callbacks, and is negative in some of TLS.
      let bytes = UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : max(0, count))
      return server.called(wsi, reason, bytes)
    }
    entry.rx_buffer_size = WebTransportLimits.receivePieceBytes
    entry.tx_packet_size = WebTransportLimits.transmitPieceBytes
    protocols.initialize(to: entry)
    protocols.advanced(by: 1).initialize(to: lws_protocols())
  }

  /// The connection of a callback; nil for those that are not about one of ours.
  func id(of wsi: OpaquePointer) -> ConnectionID? {
    guard let id = ConnectionID(bits: UInt(bitPattern: lws_get_opaque_user_data(wsi))),
      slab.find(id) != nil
    else { return nil }
    return id
  }

  /// A callback of libwebsockets. -1 closes the connection.
  private func called(
    _ wsi: OpaquePointer, _ reason: lws_callback_reasons, _ bytes: UnsafeRawBufferPointer
  ) -> Int32 {
    guard let id = id(of: wsi) else { return 0 }
    switch reason {
    case LWS_CALLBACK_RECEIVE: return received(id, wsi, bytes)
    case LWS_CALLBACK_SERVER_WRITEABLE: return writable(id, wsi)
    case LWS_CALLBACK_HTTP: return headArrived(id, wsi)
    case LWS_CALLBACK_HTTP_BODY: return bodyArrived(id, bytes)
    case LWS_CALLBACK_HTTP_BODY_COMPLETION: return bodyEnded(id, wsi)
    case LWS_CALLBACK_HTTP_WRITEABLE: return httpWritable(id, wsi)
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: return confirmUpgrade(id, wsi)
    case LWS_CALLBACK_ESTABLISHED: return established(id)
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
      slab.find(id)!.pointee.wsi = wsi
      note(lws_get_socket_fd(wsi), id)
      return 0
    case LWS_CALLBACK_RAW_ADOPT:
      // lws turns CONNECT into a raw connection.
      refuse(id, wsi, .notImplemented)
      return -1
    case LWS_CALLBACK_RAW_RX: return -1
    case LWS_CALLBACK_CONFIRM_EXTENSION_OKAY: return 1
    case LWS_CALLBACK_CLOSED, LWS_CALLBACK_CLOSED_HTTP, LWS_CALLBACK_RAW_CLOSE:
      ended(id)
      return 0
    case LWS_CALLBACK_WSI_DESTROY:
      ended(id)
      forget(id)
      return 0
    default: return 0
    }
  }

  /// The connection is over; its memory stays until libuv has let go of the socket.
  private func ended(_ id: ConnectionID) {
    guard let record = slab.find(id) else { return }
    if let exchange = record.pointee.exchange {
      record.pointee.exchange = nil
      exchange.task?.cancel()
    }
    record.pointee.controls = nil
    record.pointee.pongs = nil
    if let assembly = record.pointee.assembly {
      record.pointee.assembly = nil
      recycle(assembly)
    }
    record.pointee.isClosing = true
    guard record.pointee.wasOpened else { return }
    record.pointee.wasOpened = false
    counters.webSockets -= 1
    let reason = record.pointee.closeReason
    webSockets?.webSocketClosed(id, code: record.pointee.closeCode, reason: reason)
  }

  func forget(_ id: ConnectionID) {
    guard let record = slab.find(id) else { return }
    if configuration.connectionsPerAddressMax != nil {
      let host = record.pointee.address.host
      if let count = addressCounts[host] { addressCounts[host] = count > 1 ? count - 1 : nil }
    }
    slab.remove(id)
    counters.connections = slab.count
  }
}
