import EventLoops
import RedisClient
import TestSupport
import Testing

@Suite(.serialized) struct RedisConnectionTests {
  @Test func answersComeBackTyped() async throws {
    try await withRedis { loop, redis in
      let connection = try await RedisConnection.ready(loop, redis)
      defer { connection.close() }
      #expect(try await connection.get("absent") == nil)
      #expect(connection.set("stock:AAPL:price", "189.97") == .queued)
      #expect(try await connection.getText("stock:AAPL:price") == "189.97")
      let values = try await connection.mget(["stock:AAPL:price", "x"].map { Array($0.utf8) })
      #expect(values == [Array("189.97".utf8), nil])
      let left = try await connection.send(Redis.TimeToLive(Array("stock:AAPL:price".utf8)))
      guard case .milliseconds(let rest) = left else {
        Issue.record("no TTL: \(left)")
        return
      }
      #expect((1...10_000).contains(rest))
      #expect(try await connection.send(Redis.Time()) > 1_700_000_000_000_000)
      #expect(try await connection.send(Redis.Info("server"))["redis_version"] != nil)
      #expect(try await connection.send(Redis.DatabaseSize()) == 1)
      let once = Redis.Set(Array("k".utf8), [1], ttlMilliseconds: 9_000, .ifAbsent)
      #expect(try await connection.send(once) == true)
      #expect(try await connection.send(once) == false)
      #expect(try await connection.send(Redis.Delete([Array("k".utf8)])) == 1)
      #expect(try await connection.send(Redis.Increment(Array("n".utf8))) == 1)
      #expect(try await connection.send(Redis.Expire(Array("n".utf8), ttlMilliseconds: 9)) == true)
      let batch = try await connection.send(Redis.Scan(matching: Array("stock:*".utf8)))
      #expect(batch.isLast && batch.keys == [Array("stock:AAPL:price".utf8)])
      try await connection.send(Redis.Ping())
    }
  }

  @Test func scriptsAnswerValuesAndErrorsHaveNames() async throws {
    try await withRedis { loop, redis in
      let connection = try await RedisConnection.ready(loop, redis)
      defer { connection.close() }
      let value = try await connection.eval(
        "return {1, 'two', {false, {ok='fine'}}, KEYS[1], ARGV[1]}", keys: [Array("k".utf8)],
        arguments: [Array("a".utf8)])
      #expect(
        value
          == .array([
            .integer(1), .bulkString(Array("two".utf8)), .array([.null, .simpleString("fine")]),
            .bulkString(Array("k".utf8)), .bulkString(Array("a".utf8)),
          ]))
      let digest = try await connection.send(Redis.ScriptLoad("return 7"))
      #expect(try await connection.send(Redis.EvalSHA(digest)) == .integer(7))
      await #expect(throws: RedisError.self) { try await connection.eval("return nonsense(") }
      do throws(RedisError) {
        _ = try await connection.send(Redis.EvalSHA(String(repeating: "0", count: 40)))
        Issue.record("no error")
      } catch {
        guard case .server(let refusal) = error else { throw error }
        #expect(refusal.kind == "NOSCRIPT")
      }
      #expect(connection.set("k", "text") == .queued)
      do throws(RedisError) {
        _ = try await connection.send(Redis.RawCommand("LPUSH", "k", "x", key: "k"))
        Issue.record("no error")
      } catch {
        guard case .server(let refusal) = error else { throw error }
        #expect(refusal.kind == "WRONGTYPE")
      }
    }
  }

  /// Goal: all commands of one turn leave in one write. Method: count the link's writes.
  @Test func commandsOfOneTurnLeaveInOneWrite() async throws {
    try await withRedis { loop, redis in
      let connection = try await RedisConnection.ready(loop, redis)
      defer { connection.close() }
      try await connection.send(Redis.Ping())
      let before = connection.counters.link.writes
      for number in 0..<500 {
        #expect(connection.set("key:\(number)", "value \(number)") == .queued)
      }
      #expect(try await connection.getText("key:499") == "value 499")
      var text: String?
      let key = Array("key:7".utf8)
      connection.get(key: key.span.bytes) { result in text = (try? result.get())?.text }
      #expect(await loop.wait { text == "value 7" })
      #expect(connection.counters.link.writes == before + 2)
      #expect(connection.pendingCount == 0)
    }
  }

  /// Goal: answers find their commands when fire-and-forget and awaited ones are mixed, with errors
  /// among both.
  @Test func mixedCommandsKeepTheirOrder() async throws {
    try await withRedis { loop, redis in
      let connection = try await RedisConnection.ready(loop, redis)
      defer { connection.close() }
      var random = SplitMix64(seed: 11)
      var expected: [Int] = []
      var answered: [Int] = []
      var refusals = 0
      for number in 0..<3_000 {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: #expect(connection.set("mixed", "\(number)") == .queued)
        case 1:
          #expect(connection.set("bad", "v", ttlMilliseconds: -1) == .queued)
          refusals += 1
        case 2:
          expected.append(number)
          connection.sendForView(Redis.RawCommand("ECHO", "\(number)")) { result in
            answered.append((try? result.get()).flatMap { Int($0.text) } ?? -1)
          }
        default:
          expected.append(-1)
          connection.sendForView(Redis.RawCommand("NONSENSE")) { result in
            if case .failure(.server(let error)) = result, error.kind == "ERR" {
              answered.append(-1)
            }
          }
        }
      }
      #expect(await loop.wait { connection.pendingCount == 0 })
      #expect(answered == expected)
      #expect(connection.counters.errorReplies == UInt64(refusals))
      #expect(connection.errorsByKind == ["ERR": UInt64(refusals)])
    }
  }

  @Test func errorsNobodyAwaitsAreReportedOnceAndCounted() async throws {
    try await withRedis { loop, redis in
      let connection = try await RedisConnection.ready(loop, redis)
      defer { connection.close() }
      var problems: [RedisProblem] = []
      connection.onProblem = { problems.append($0) }
      for _ in 0..<100 { _ = connection.set("k", "v", ttlMilliseconds: 0) }
      #expect(await loop.wait { connection.pendingCount == 0 })
      #expect(connection.counters.errorReplies == 100)
      #expect(problems.count == 1)
      #expect(problems.first?.command == "SET" && problems.first?.error.kind == "ERR")
    }
  }

  /// A cancelled command must not shift the answers of its neighbours.
  @Test func cancellingOneCommandLeavesItsNeighboursAlone() async throws {
    try await withRedis { loop, redis in
      let connection = try await RedisConnection.ready(loop, redis)
      defer { connection.close() }
      #expect(connection.set("before", "1") == .queued)
      #expect(connection.set("after", "2") == .queued)
      var texts: [String] = []
      connection.sendForView(Redis.Get("before")) { result in
        if let view = try? result.get() { texts.append(view.text) }
      }
      // Blocks for 200 ms in Redis, so it is cancelled while it runs.
      let slow = Redis.RawCommand(
        ["BLPOP", "nothing", "0.2"].map { Array($0.utf8) }, blockingMilliseconds: 200)
      let box = LoopOnly(connection)
      let task = Task.immediate(executorPreference: loop) {
        () async -> Result<RedisValue, RedisError> in
        do throws(RedisError) {
          return .success(try await box.value.send(slow))
        } catch {
          return .failure(error)
        }
      }
      connection.sendForView(Redis.Get("after")) { result in
        if let view = try? result.get() { texts.append(view.text) }
      }
      task.cancel()
      #expect(await task.value == .failure(.cancelled))
      #expect(connection.pendingCount > 0)
      #expect(try await connection.getText("after") == "2")
      #expect(texts == ["1", "2"])
      #expect(connection.isReady)
    }
  }
}

/// `@unchecked Sendable`: made and used on one loop's thread.
struct LoopOnly<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}
