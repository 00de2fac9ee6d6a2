// Awaited commands, for the edges (start-up, REST). Call them on the loop, in a task started with
// `Task.immediate(executorPreference: loop)`: then the answer resumes it without leaving the thread.
import EventLoops

extension RedisConnection {
  /// Sends `command` and waits for its answer. A cancelled task gets `.cancelled` at once; its
  /// command's answer is thrown away when it comes, commands before and behind it are not touched.
  public func send<C: RedisCommand>(_ command: C) async throws(RedisError) -> C.Answer {
    loop.preconditionInLoop()
    guard !Task.isCancelled else { throw .cancelled }
    let wait = LoopWait<Result<C.Answer, RedisError>>(loop: loop)
    send(command) { wait.finish($0) }
    return try await wait.value(ifCancelled: .failure(.cancelled)).get()
  }

  public func get(_ key: [UInt8]) async throws(RedisError) -> [UInt8]? {
    try await send(Redis.Get(key))
  }

  public func get(_ key: String) async throws(RedisError) -> [UInt8]? {
    try await send(Redis.Get(key))
  }

  public func mget(_ keys: [[UInt8]]) async throws(RedisError) -> [[UInt8]?] {
    try await send(Redis.MGet(keys))
  }

  public func eval(
    _ script: String, keys: [[UInt8]] = [], arguments: [[UInt8]] = []
  ) async throws(RedisError) -> RedisValue {
    try await send(Redis.Eval(script, keys: keys, arguments: arguments))
  }

  /// Whether the link serves within so many milliseconds. For start-up; `onReady` is for the rest.
  public func waitUntilReady(milliseconds: UInt64) async -> Bool {
    loop.preconditionInLoop()
    let deadline = loop.nowMilliseconds + milliseconds
    while !isReady {
      guard loop.nowMilliseconds < deadline, !Task.isCancelled else { return false }
      await loop.sleep(milliseconds: min(10, deadline - loop.nowMilliseconds))
    }
    return true
  }
}
