// A peer that is gone without a word: its machine lost power, or its network went away.
import Glibc

extension RawSocket {
  /// From now on nothing that comes reaches this end, so nothing is acknowledged, and nothing leaves: a
  /// packet filter of the socket's own that lets nothing pass (socket(7), SO_ATTACH_FILTER). Keep the
  /// object: closing it would send a FIN.
  public func vanish() {
    // BPF_RET | BPF_K, 0: zero bytes of the packet are kept.
    var instruction: (code: UInt16, ifTrue: UInt8, ifFalse: UInt8, value: UInt32) = (6, 0, 0, 0)
    withUnsafeMutablePointer(to: &instruction) { pointer in
      var program: (count: UInt16, instructions: UnsafeMutableRawPointer) = (1, .init(pointer))
      let attached = setsockopt(
        fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, socklen_t(MemoryLayout.size(ofValue: program)))
      precondition(attached == 0, "SO_ATTACH_FILTER: errno \(errno)")
    }
  }
}
