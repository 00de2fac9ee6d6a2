// A file of certificates or keys, whole in memory and gone from it afterwards. What is not a plain file is
// refused: a FIFO or a device would hold the caller for ever.
import CCrypto
import Glibc

struct PEMFile: ~Copyable {
  private let path: String
  private let bytes: UnsafeMutableRawBufferPointer

  init(_ path: String) throws(WebTransportError) {
    self.path = path
    bytes = try PEMFile.read(path)
  }

  deinit {
    OPENSSL_cleanse(bytes.baseAddress, bytes.count)
    bytes.deallocate()
  }

  private static func read(
    _ path: String
  ) throws(WebTransportError) -> UnsafeMutableRawBufferPointer {
    let fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard fd >= 0 else { throw failure(path, systemReason()) }
    defer { close(fd) }
    var about = stat()
    guard fstat(fd, &about) == 0 else { throw failure(path, systemReason()) }
    guard about.st_mode & S_IFMT == S_IFREG else { throw failure(path, "it is not a file") }
    let max = WebTransportLimits.certificateFileBytesMax
    guard about.st_size <= max else { throw failure(path, "it is larger than \(max) bytes") }
    let room = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Int(about.st_size), alignment: 1)
    var count = 0
    while count < room.count {
      let got = Glibc.read(fd, room.baseAddress! + count, room.count - count)
      if got < 0, errno == EINTR { continue }
      guard got > 0 else {
        let reason = got < 0 ? systemReason() : "it became shorter while it was read"
        OPENSSL_cleanse(room.baseAddress, room.count)
        room.deallocate()
        throw failure(path, reason)
      }
      count += got
    }
    return room
  }

  /// The first certificate, and a STACK_OF(X509) of the others.
  consuming func certificates() throws(WebTransportError) -> (OpenSSLObject, OpenSSLObject) {
    let source = try source()
    let chain = OpenSSLObject(OPENSSL_sk_new_null()!) { list in
      OPENSSL_sk_pop_free(list) { X509_free(OpaquePointer($0)) }
    }
    var first: OpenSSLObject?
    while let found = PEM_read_bio_X509(source.pointer, nil, nil, nil) {
      if first == nil {
        first = OpenSSLObject(found) { X509_free($0) }
      } else {
        OPENSSL_sk_push(chain.pointer, UnsafeRawPointer(found))
      }
    }
    // The end of the file is an error of OpenSSL's too.
    guard PEMFile.isEnd(ERR_peek_last_error()) else {
      throw PEMFile.failure(path, "a certificate in it cannot be read: \(PEMFile.lastReason())")
    }
    ERR_clear_error()
    guard let first else { throw PEMFile.failure(path, "there is no PEM certificate in it") }
    return (first, chain)
  }

  /// The first private key.
  consuming func key() throws(WebTransportError) -> OpenSSLObject {
    let source = try source()
    var isEncrypted = false
    // Asked only when it is needed; without it OpenSSL would ask on the terminal.
    let found = PEM_read_bio_PrivateKey(
      source.pointer, nil,
      { _, _, _, asked in
        asked?.storeBytes(of: true, as: Bool.self)
        return -1
      }, &isEncrypted)
    if let found { return OpenSSLObject(found) { EVP_PKEY_free($0) } }
    if isEncrypted {
      throw PEMFile.failure(path, "the key is encrypted; only one without a passphrase can be used")
    }
    guard contains("PRIVATE KEY-----") else {
      throw PEMFile.failure(path, "there is no PEM private key in it")
    }
    throw PEMFile.failure(path, "the private key in it cannot be read")
  }

  private func source() throws(WebTransportError) -> OpenSSLObject {
    guard bytes.count > 0 else { throw PEMFile.failure(path, "it is empty") }
    guard let source = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else {
      throw PEMFile.failure(path, "OpenSSL has no memory")
    }
    return OpenSSLObject(source) { BIO_free($0) }
  }

  private func contains(_ words: StaticString) -> Bool {
    let length = words.utf8CodeUnitCount
    return bytes.indices.dropLast(length - 1).contains { place in
      memcmp(bytes.baseAddress! + place, words.utf8Start, length) == 0
    }
  }

  // MARK: - Words

  static func failure(_ path: String, _ reason: String) -> WebTransportError {
    WebTransportError(code: .badCertificate, reason: "\(path): \(reason)")
  }

  /// OpenSSL's words for what went wrong last.
  static func lastReason() -> String {
    ERR_reason_error_string(ERR_peek_last_error()).map { String(cString: $0) } ?? "no reason given"
  }

  private static func isEnd(_ error: UInt) -> Bool {
    ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE
  }

  private static func systemReason() -> String { String(cString: strerror(errno)) }
}
