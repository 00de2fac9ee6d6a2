// libwebsockets' reads, seen before libwebsockets sees them. It is no conforming reader of frames (see
// `FrameChecker`) and has no callback ahead of its parser; but it reads a socket by `recv` and a TLS
// connection by `SSL_read`, through slots in its own table of addresses. These two slots are made to
// point here, once in a process: its calls alone come here, nobody else's, and pass through for all but
// a WebSocket of the server on the calling thread.
//
// (The linker's rule that `Interposed` uses does not reach functions with a symbol version.) Debian links
// the library with full RELRO, so the page is made writable for the moment of the change.
import CLibwebsockets
import Glibc

enum ReadHook {
  typealias Receive = @convention(c) (Int32, UnsafeMutableRawPointer?, Int, Int32) -> Int
  typealias SecureRead = @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?, Int32) -> Int32

  /// The functions that the slots had.
  private struct Originals {
    var receive: Receive
    var secureRead: SecureRead
  }

  /// False when libwebsockets is not built as this needs it.
  static var isInstalled: Bool { originals != nil }

  private static let originals = install()

  private static func install() -> Originals? {
    guard let library = libwebsockets(), let receive = slot("recv", of: library),
      let secureRead = slot("SSL_read", of: library), let receiver = receive.pointee,
      let reader = secureRead.pointee
    else { return nil }
    let hooks = (
      unsafeBitCast(receiveHook, to: UnsafeRawPointer.self),
      unsafeBitCast(secureReadHook, to: UnsafeRawPointer.self)
    )
    guard set(receive, hooks.0), set(secureRead, hooks.1) else { return nil }
    return Originals(
      receive: unsafeBitCast(receiver, to: Receive.self),
      secureRead: unsafeBitCast(reader, to: SecureRead.self))
  }

  // MARK: - What is called instead

  private static let receiveHook: Receive = { fd, bytes, count, flags in
    let received = originals!.receive(fd, bytes, count, flags)
    guard received > 0, flags == 0, let bytes, let server = LibwebsocketsLog.server,
      let admitted = server.admitted(
        fd, UnsafeMutableRawBufferPointer(start: bytes, count: received))
    else { return received }
    guard admitted == 0 else { return admitted }
    WebServer.drain(fd)
    errno = EAGAIN
    return -1
  }

  /// "Nothing to show" must be what OpenSSL itself says, or libwebsockets takes it for an error: so it
  /// is read on until there is nothing.
  private static let secureReadHook: SecureRead = { ssl, bytes, count in
    let received = originals!.secureRead(ssl, bytes, count)
    guard received > 0, let ssl, let bytes, let server = LibwebsocketsLog.server,
      let admitted = server.admitted(
        SSL_get_fd(ssl), UnsafeMutableRawBufferPointer(start: bytes, count: Int(received)))
    else { return received }
    guard admitted == 0 else { return Int32(admitted) }
    return withUnsafeTemporaryAllocation(byteCount: 16 * 1_024, alignment: 16) { room in
      for _ in 0..<WebTransportLimits.droppedReadsMax {
        let dropped = originals!.secureRead(ssl, room.baseAddress, Int32(room.count))
        guard dropped > 0 else { return dropped }
      }
      return 0
    }
  }

  // MARK: - The table of addresses

  private typealias Slot = UnsafeMutablePointer<UnsafeRawPointer?>

  /// What the dynamic linker knows of the library, in its list that begins with the executable.
  private static func libwebsockets() -> UnsafePointer<link_map>? {
    var map: UnsafePointer<link_map>?
    guard let executable = dlopen(nil, RTLD_LAZY), lwsx_link_map(executable, &map) == 0 else {
      return nil
    }
    while let library = map {
      if let name = library.pointee.l_name, strstr(name, "/libwebsockets.so") != nil {
        return library
      }
      map = UnsafePointer(library.pointee.l_next)
    }
    return nil
  }

  /// Where the library keeps the address of a function that it calls. glibc has made the addresses in
  /// `l_ld` absolute (elf/dl-load.c, ADJUST_DYN_INFO).
  private static func slot(_ name: String, of library: UnsafePointer<link_map>) -> Slot? {
    var relocations: UInt = 0
    var bytes = 0
    var symbols: UInt = 0
    var strings: UInt = 0
    var entry = library.pointee.l_ld!
    while entry.pointee.d_tag != Int(DT_NULL) {
      switch Int32(truncatingIfNeeded: entry.pointee.d_tag) {
      case DT_JMPREL: relocations = UInt(entry.pointee.d_un.d_ptr)
      case DT_PLTRELSZ: bytes = Int(entry.pointee.d_un.d_val)
      case DT_SYMTAB: symbols = UInt(entry.pointee.d_un.d_ptr)
      case DT_STRTAB: strings = UInt(entry.pointee.d_un.d_ptr)
      default: break
      }
      entry += 1
    }
    guard let relocation = UnsafePointer<Elf64_Rela>(bitPattern: relocations),
      let symbol = UnsafePointer<Elf64_Sym>(bitPattern: symbols),
      let text = UnsafePointer<CChar>(bitPattern: strings)
    else { return nil }
    for index in 0..<bytes / MemoryLayout<Elf64_Rela>.size {
      let of = Int(relocation[index].r_info >> 32)
      guard strcmp(text + Int(symbol[of].st_name), name) == 0 else { continue }
      return Slot(bitPattern: UInt(library.pointee.l_addr + relocation[index].r_offset))
    }
    return nil
  }

  /// Other threads may be calling through the slot: an aligned word is old or new.
  private static func set(_ slot: Slot, _ function: UnsafeRawPointer) -> Bool {
    let size = UInt(sysconf(Int32(_SC_PAGESIZE)))
    let page = UnsafeMutableRawPointer(bitPattern: UInt(bitPattern: slot) & ~(size - 1))
    guard mprotect(page, Int(size), PROT_READ | PROT_WRITE) == 0 else { return false }
    slot.pointee = function
    return mprotect(page, Int(size), PROT_READ) == 0
  }
}
