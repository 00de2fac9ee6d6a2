import Glibc

/// Removes a directory of plain files, sockets and further such directories; what is not there is no
/// error. Links are removed, not followed.
func removeDirectory(_ path: String) {
  guard let stream = opendir(path) else { return }
  while let entry = readdir(stream) {
    let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    guard name != ".", name != ".." else { continue }
    let inner = "\(path)/\(name)"
    if entry.pointee.d_type == UInt8(DT_DIR) { removeDirectory(inner) } else { unlink(inner) }
  }
  closedir(stream)
  rmdir(path)
}
