import Glibc

/// One element of a reply, without a copy. Valid only inside the callback that it was given to; used
/// later it stops the process, since its memory holds the next reply by then.
public struct RedisReplyView {
  private let arena: UnsafeMutablePointer<ReplyArena>
  private let index: Int32
  private let generation: UInt32

  init(arena: UnsafeMutablePointer<ReplyArena>, index: Int32) {
    self.arena = arena
    self.index = index
    generation = arena.pointee.generation
  }

  private var node: ReplyNode {
    precondition(generation == arena.pointee.generation, "RedisReplyView used after its callback")
    return arena.pointee.nodes[Int(index)]
  }

  public var kind: RedisReplyKind { node.kind }
  public var isNull: Bool { node.kind == .null }

  /// The number of an integer reply.
  public var integer: Int64? {
    let node = node
    return node.kind == .integer ? node.value : nil
  }

  /// The bytes of a bulk string, simple string or error line; empty for the other kinds.
  public func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
    try body(unsafeBytes.bytes)
  }

  /// As `withBytes`; the pointer ends with the callback.
  var unsafeBytes: UnsafeRawBufferPointer {
    let node = node
    guard node.kind == .bulkString || node.kind == .simpleString || node.kind == .error else {
      return UnsafeRawBufferPointer(start: nil, count: 0)
    }
    return UnsafeRawBufferPointer(
      start: arena.pointee.bytes + Int(node.value), count: Int(node.count))
  }

  public var byteCount: Int { unsafeBytes.count }

  /// A copy of the bytes.
  public var bytes: [UInt8] { [UInt8](unsafeBytes) }

  /// A copy as text, repaired where it is not UTF-8.
  public var text: String { String(decoding: unsafeBytes, as: UTF8.self) }

  public func equals(_ text: StaticString) -> Bool {
    let bytes = unsafeBytes
    guard bytes.count == text.utf8CodeUnitCount, let base = bytes.baseAddress else { return false }
    return memcmp(base, text.utf8Start, bytes.count) == 0
  }

  /// The error of an error reply.
  public var error: RedisServerError? {
    kind == .error ? RedisServerError(line: text) : nil
  }

  /// Elements of an array; 0 for the other kinds.
  public var count: Int {
    let node = node
    return node.kind == .array ? Int(node.count) : 0
  }

  /// An element of an array: at once when no element before it is an array, else by skipping them.
  public subscript(position: Int) -> RedisReplyView {
    let node = node
    precondition(node.kind == .array && position >= 0 && position < Int(node.count))
    guard node.end != index + 1 + node.count else { return at(index + 1 + Int32(position)) }
    var child = index + 1
    for _ in 0..<position { child = arena.pointee.nodes[Int(child)].end }
    return at(child)
  }

  /// All elements of an array in one pass.
  public func forEach<E: Error>(_ body: (RedisReplyView) throws(E) -> Void) throws(E) {
    let node = node
    guard node.kind == .array else { return }
    var child = index + 1
    for _ in 0..<node.count {
      try body(at(child))
      child = arena.pointee.nodes[Int(child)].end
    }
  }

  private func at(_ index: Int32) -> RedisReplyView { RedisReplyView(arena: arena, index: index) }
}
