// hiredis' incremental RESP parser, filling a ReplyArena instead of making an object per element.
//
// hiredis calls the five functions below with the task of the element; they return the element's
// index + 1 as an opaque pointer (never null, which would mean "out of memory") and hiredis hands the
// parent's back through `task.parent.obj`. Invariants: nothing from outside traps: what is not RESP,
// is nested deeper than hiredis' 7 levels or over a limit ends in `.failed` for good. Belongs to one
// loop's thread; memory is bounded by `RedisLimits.replyBytesMax` + one read.
import CHiredis
import Glibc

final class ReplyReader {
  enum Next {
    case reply(RedisReplyView)
    /// All that was fed is used up.
    case needsMore
    case failed(RedisLinkDown)
  }

  private var reader: UnsafeMutablePointer<redisReader>
  private let arena: UnsafeMutablePointer<ReplyArena>
  /// A reply is under way or handed out; the arena is emptied before the next one begins.
  private var isFresh = true

  init() {
    arena = .allocate(capacity: 1)
    arena.initialize(to: ReplyArena())
    reader = ReplyReader.make(arena)
  }

  deinit {
    redisReaderFree(reader)
    arena.pointee.deallocate()
    arena.deallocate()
  }

  /// Forgets everything, for a new connection.
  func reset() {
    redisReaderFree(reader)
    arena.pointee.removeAll()
    isFresh = true
    reader = ReplyReader.make(arena)
  }

  /// Bytes fed and not yet part of a finished element.
  private var unparsed: Int { reader.pointee.len - reader.pointee.pos }

  /// Feed at most `RedisLimits.feedBytes` at a time and take all replies before the next feed.
  func feed(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
    // Out of memory is reported by `next`, which looks at `err`.
    _ = redisReaderFeed(reader, base.assumingMemoryBound(to: CChar.self), bytes.count)
  }

  /// The view is valid until the next call of anything here.
  func next() -> Next {
    if isFresh {
      arena.pointee.removeAll()
      isFresh = false
    }
    var root: UnsafeMutableRawPointer?
    guard redisReaderGetReply(reader, &root) == REDIS_OK else { return .failed(failure()) }
    guard root != nil else { return checkPartial() }
    isFresh = true
    return .reply(RedisReplyView(arena: arena, index: 0))
  }

  private func failure() -> RedisLinkDown {
    if arena.pointee.overLimit { return .replyTooLarge }
    let reason = withUnsafeBytes(of: reader.pointee.errstr) { text in
      String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
    }
    return .protocolViolated(reason)
  }

  /// hiredis waits for as many bytes as the peer announces; the bounds are kept here.
  private func checkPartial() -> Next {
    let waiting = unparsed
    guard waiting > RedisLimits.replyLineBytesMax else { return .needsMore }
    if waiting > RedisLimits.replyBytesMax + RedisLimits.readBytes {
      return .failed(.replyTooLarge)
    }
    let depth = Int(reader.pointee.ridx)
    guard depth >= 0 else { return .needsMore }
    let type = withUnsafePointer(to: &reader.pointee.rstack) { stack in
      UnsafeRawPointer(stack).assumingMemoryBound(to: redisReadTask.self)[depth].type
    }
    if type == REDIS_REPLY_STRING {
      // A length line is at most 20 digits; what follows it is bounded above.
      let start = UnsafeRawPointer(reader.pointee.buf!) + reader.pointee.pos
      if memchr(start, 10, 32) != nil { return .needsMore }
    }
    return .failed(.replyTooLarge)
  }

  // MARK: - What hiredis calls

  private static func make(
    _ arena: UnsafeMutablePointer<ReplyArena>
  ) -> UnsafeMutablePointer<redisReader> {
    guard let reader = redisReaderCreateWithFunctions(functions) else {
      fatalError("no memory for a RESP reader")
    }
    reader.pointee.privdata = UnsafeMutableRawPointer(arena)
    return reader
  }

  /// Written once before its first use, read only afterwards.
  private nonisolated(unsafe) static let functions = {
    let table = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
    table.initialize(
      to: redisReplyObjectFunctions(
        createString: { task, text, count in
          let kind: RedisReplyKind =
            switch task!.pointee.type {
            case REDIS_REPLY_STATUS: .simpleString
            case REDIS_REPLY_ERROR: .error
            default: .bulkString
            }
          let arena = ReplyReader.arena(task!)
          return ReplyReader.link(task!, arena.pointee.appendString(kind, text!, count: count))
        },
        createArray: { task, count in
          let arena = ReplyReader.arena(task!)
          return ReplyReader.link(task!, arena.pointee.append(.array, value: 0, count: count))
        },
        createInteger: { task, value in
          let arena = ReplyReader.arena(task!)
          return ReplyReader.link(task!, arena.pointee.append(.integer, value: value, count: 0))
        },
        createNil: { task in
          let arena = ReplyReader.arena(task!)
          return ReplyReader.link(task!, arena.pointee.append(.null, value: 0, count: 0))
        },
        freeObject: { _ in }))
    return table
  }()

  @inline(__always)
  private static func arena(
    _ task: UnsafePointer<redisReadTask>
  ) -> UnsafeMutablePointer<ReplyArena> {
    task.pointee.privdata!.assumingMemoryBound(to: ReplyArena.self)
  }

  /// Tells the enclosing arrays where they end, and makes hiredis' handle.
  @inline(__always)
  private static func link(
    _ task: UnsafePointer<redisReadTask>, _ index: Int32?
  ) -> UnsafeMutableRawPointer? {
    guard let index else { return nil }
    let arena = arena(task)
    var parent = task.pointee.parent
    while let enclosing = parent {
      arena.pointee.extend(Int32(Int(bitPattern: enclosing.pointee.obj) - 1))
      parent = enclosing.pointee.parent
    }
    return UnsafeMutableRawPointer(bitPattern: Int(index) + 1)
  }
}
