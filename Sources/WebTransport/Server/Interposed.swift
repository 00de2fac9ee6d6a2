// Three functions of libwebsockets replaced by the dynamic linker's rule that the executable's symbols
// win: the library calls itself through its PLT, so its own calls come here first.
//
// Why. (1) On a malformed head it answers with a page of HTML or hangs up without a word, before any
// callback; our contract is a JSON body on every error. (2) A request that it reads out of its own
// buffer, since it was pipelined behind another, must not have a body: 4.1.6 then feeds the head to
// the body again and again, without an end (lws_http_action's last loop), which stops the whole loop.
// A server must know where a request comes from to refuse that. There is no other hook for either.
// (Its reads of sockets are another matter, see `ReadHook`.)
//
// `WebServer.init` proves that the calls come here and fails otherwise.
import CLibwebsockets
import Glibc

/// libwebsockets' own error page. Not wanted: each caller hangs up when told that it failed.
@_cdecl("lws_return_http_status")
public func interposedReturnHTTPStatus(
  _ wsi: OpaquePointer?, _ code: UInt32, _ page: UnsafePointer<CChar>?
) -> Int32 {
  1
}

/// Every close of a connection. The caller's name tells the one of a failed parse.
@_cdecl("lws_close_free_wsi")
public func interposedCloseFreeWSI(
  _ wsi: OpaquePointer?, _ status: UInt32, _ caller: UnsafePointer<CChar>?
) {
  if let wsi, let caller, strcmp(caller, "lws_read_h1 bail") == 0,
    let context = lws_get_context(wsi), let server = LibwebsocketsLog.server,
    server.contextSlot.pointee == context
  {
    server.hangsUp(on: wsi)
  }
  Interposed.closeFreeWSI(wsi, status, caller)
}

/// What is left in a list of buffers. libwebsockets asks it of a connection's unread bytes just before
/// it parses them, so at a request's callback the last answer says where the request came from.
@_cdecl("lws_buflist_next_segment_len")
public func interposedNextSegmentLength(
  _ list: UnsafeMutablePointer<OpaquePointer?>?,
  _ bytes: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?
) -> Int {
  let length = Interposed.nextSegmentLength(list, bytes)
  if let server = LibwebsocketsLog.server { server.lastUnread = (list, length) }
  return length
}

enum Interposed {
  typealias CloseFreeWSI = @convention(c) (OpaquePointer?, UInt32, UnsafePointer<CChar>?) -> Void
  typealias NextSegmentLength =
    @convention(c) (
      UnsafeMutablePointer<OpaquePointer?>?,
      UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?
    ) -> Int

  /// The library's own functions behind ours.
  static let closeFreeWSI = unsafeBitCast(find("lws_close_free_wsi"), to: CloseFreeWSI.self)
  static let nextSegmentLength = unsafeBitCast(
    find("lws_buflist_next_segment_len"), to: NextSegmentLength.self)

  private static func find(_ name: String) -> UnsafeMutableRawPointer {
    let next = UnsafeMutableRawPointer(bitPattern: -1)  // RTLD_NEXT, a macro with a cast
    guard let symbol = dlsym(next, name) else {
      preconditionFailure("libwebsockets has no \(name)")
    }
    return symbol
  }

  /// Whether a call that libwebsockets makes to itself comes here: using up the first of two
  /// segments makes it ask for the length of the second.
  static func isEffective(for server: WebServer) -> Bool {
    var list: OpaquePointer?
    var bytes: [UInt8] = [1]
    _ = lws_buflist_append_segment(&list, &bytes, 1)
    _ = lws_buflist_append_segment(&list, &bytes, 1)
    server.lastUnread = (nil, 0)
    _ = lws_buflist_use_segment(&list, 1)
    lws_buflist_destroy_all_segments(&list)
    return server.lastUnread.length == 1
  }
}
