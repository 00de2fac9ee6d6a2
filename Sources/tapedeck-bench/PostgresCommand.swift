import ArgumentParser
import EventLoops
import Glibc
import PostgresClient

/// What a statement costs through the pool: wall time and the loop's CPU, one after the other, many at
/// once, and in transactions. The server does as little as it can: it echoes a number.
struct PostgresCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "postgres",
    abstract: "Statements and transactions through the PostgreSQL client: wall time and loop CPU.")

  @Option(help: "Environment variable with the connection string.")
  var location = "TAPEDECK_POSTGRES"
  @Option(help: "Statements of each measurement.") var count = 20_000
  @Option(help: "Callers at once.") var callers = 64
  @Option(help: "Connections.") var connections = 8

  func run() throws {
    guard let text = getenv(location) else {
      throw ValidationError("\(location) holds no connection string")
    }
    var options = PostgresOptions()
    options.poolMax = connections
    let loop = try EventLoop.start(name: "bench")
    let bench = PostgresBench(
      loop: loop, location: try PostgresLocation(String(cString: text)), options: options,
      count: count, callers: callers)
    LoopCommand.blocking {
      await Task(executorPreference: loop) { await bench.run() }.value
    }
    loop.stop()
    loop.join()
  }
}

private struct PostgresBench: Sendable {
  let loop: EventLoop
  let location: PostgresLocation
  let options: PostgresOptions
  let count: Int
  let callers: Int

  private static let echo = PostgresStatement("bench_echo", "SELECT $1::bigint", [.integer]) {
    row throws(PostgresError) in try row.integer(0)
  }

  func run() async {
    let pool = PostgresPool(loop: loop, location: location, options: options)
    pool.start()
    defer { pool.close() }
    guard await pool.waitUntilReady(milliseconds: 5_000) else {
      return print("not connected: \(pool.lastFailure)")
    }
    let box = PoolBox(pool: pool)
    await measure("one after the other", callers: 1) { try await box.statement(Int64($0)) }
    await measure("\(callers) callers at once", callers: callers) {
      try await box.statement(Int64($0))
    }
    await measure("transactions of two, one after the other", callers: 1) {
      try await box.transaction(Int64($0))
    }
    await measure("transactions of two, \(callers) callers", callers: callers) {
      try await box.transaction(Int64($0))
    }
    print("connections: \(pool.counters.connections)")
  }

  private func measure(
    _ name: String, callers: Int, _ body: @escaping @Sendable (Int) async throws -> Void
  ) async {
    let each = max(1, count / callers)
    let start = Cost.now(loop)
    let tasks = (0..<callers).map { _ in
      Task.immediate(executorPreference: loop) {
        var times = FixedTimes()
        for number in 0..<each {
          let began = EventLoop.monotonicNanoseconds
          do { try await body(number) } catch { print(error) }
          times.add(EventLoop.monotonicNanoseconds - began)
        }
        return times
      }
    }
    var times = FixedTimes()
    for task in tasks { times.merge(await task.value) }
    let cost = await Cost.since(start, loop)
    let total = UInt64(each * callers)
    print(
      "\(name): \(total * 1_000_000_000 / max(cost.wall, 1))/s, loop CPU "
        + "\(cost.loop / total) ns each, latency p50 \(times.quantile(0.5)) us, "
        + "p99 \(times.quantile(0.99)) us")
  }

  /// `@unchecked Sendable`: opened on the loop only.
  private struct PoolBox: @unchecked Sendable {
    let pool: PostgresPool

    func statement(_ number: Int64) async throws {
      let rows = try await pool.query(PostgresBench.echo, [.integer(number)])
      precondition(rows == [number])
    }

    func transaction(_ number: Int64) async throws {
      try await pool.transaction(.repeatableReadReadOnly) { transaction in
        _ = try await transaction.query(PostgresBench.echo, [.integer(number)])
        _ = try await transaction.query(PostgresBench.echo, [.integer(number)])
      }
    }
  }
}

/// Times in steps of 5 us, up to 100 ms.
private struct FixedTimes: Sendable {
  private var counts = [UInt64](repeating: 0, count: 20_001)
  private var total: UInt64 = 0

  mutating func add(_ nanoseconds: UInt64) {
    counts[min(Int(nanoseconds / 5_000), counts.count - 1)] += 1
    total += 1
  }

  mutating func merge(_ other: FixedTimes) {
    for index in counts.indices { counts[index] += other.counts[index] }
    total += other.total
  }

  /// In microseconds, rounded up to the step.
  func quantile(_ share: Double) -> Int {
    var rest = UInt64(Double(total) * share)
    for (index, count) in counts.enumerated() {
      guard rest >= count else { return (index + 1) * 5 }
      rest -= count
    }
    return counts.count * 5
  }
}
