import Glibc

/// Removes a directory of plain files, sockets and further such directories; what is not there is no
/// error. Links are removed, not followed.
func removeDirectory(_ path: String) {
  guard let stream = opendir(path) else { return }
  while let entry = readdir(stream) {
    let entryName = name(of: entry)
    guard entryName != ".", entryName != ".." else { continue }
    let inner = "\(path)/\(entryName)"
    if entry.pointee.d_type == UInt8(DT_DIR) { removeDirectory(inner) } else { unlink(inner) }
  }
  closedir(stream)
  rmdir(path)
}

func name(of entry: UnsafeMutablePointer<dirent>) -> String {
  withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
