// Two functions of libwebsockets replaced by the dynamic linker's rule that the executable's symbols
// win: the library calls itself through its PLT, so its own calls come here.
//
// Why: on a malformed head it answers with a page of HTML (403) or hangs up without a word, before any
// callback; our contract is a JSON body on every error. There is no other hook on that way. Should the
// symbols not be exported some day, clients get libwebsockets' own behaviour back, and the tests of
// malformed heads fail.
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
  original(wsi, status, caller)
}

private typealias CloseFreeWSI =
  @convention(c) (OpaquePointer?, UInt32, UnsafePointer<CChar>?) -> Void

/// The library's own function behind ours.
private let original: CloseFreeWSI = {
  let next = UnsafeMutableRawPointer(bitPattern: -1)  // RTLD_NEXT, a macro with a cast
  guard let symbol = dlsym(next, "lws_close_free_wsi") else {
    preconditionFailure("libwebsockets has no lws_close_free_wsi")
  }
  return unsafeBitCast(symbol, to: CloseFreeWSI.self)
}()
