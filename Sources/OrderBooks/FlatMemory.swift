// Memory of flat tables, straight from the system: zeroed, in huge pages where the table is large
// and the system grants them. What is not touched costs nothing.

import Glibc

enum FlatMemory {
  /// Zeroed bytes, aligned to a page. Traps when the system has none: the tables' bounds are there
  /// so that this does not happen.
  static func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
    let memory = mmap(
      nil, roundedUp(byteCount), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != MAP_FAILED else {
      preconditionFailure("no memory for \(byteCount) bytes")
    }
    // Its refusal only means ordinary pages.
    if byteCount >= OrderBooksLimits.hugePageBytes {
      madvise(memory, roundedUp(byteCount), MADV_HUGEPAGE)
    }
    return memory
  }

  static func free(_ memory: UnsafeMutableRawPointer, byteCount: Int) {
    munmap(memory, roundedUp(byteCount))
  }

  private static func roundedUp(_ byteCount: Int) -> Int { (byteCount + 4_095) & ~4_095 }
}
