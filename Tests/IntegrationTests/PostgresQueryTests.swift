import EventLoops
import PostgresClient
import TestSupport
import Testing

@Suite(.serialized) struct PostgresQueryTests {
  /// Goal: every kind of value arrives in PostgreSQL and comes back as it was.
  @Test func valuesMakeTheRoundTrip() async throws {
    try await withPostgres { loop, server in
      let pool = try await PostgresPool.ready(loop, server.url)
      defer { pool.close() }
      for value in [0, 1, -1, Int64.max, Int64.min] {
        #expect(try await pool.query(Probe.echo, [.integer(value)]) == [value])
      }
      let text = Probe.text("text", "SELECT $1::text", [.text])
      for value in ["", "a", "ö'\"\\\u{1F600}\n", String(repeating: "x", count: 100_000)] {
        #expect(try await pool.query(text, [.text(value)]) == [value])
      }
      let bytes = PostgresStatement("bytes", "SELECT $1::bytea", [.bytes]) {
        row throws(PostgresError) in try row.bytes(0)
      }
      let all = (0...255).map { UInt8($0) }
      #expect(try await pool.query(bytes, [.bytes(all)]) == [all])
      #expect(try await pool.query(bytes, [.bytes([])]) == [[]])
      let boolean = PostgresStatement("boolean", "SELECT NOT $1::boolean", [.boolean]) {
        row throws(PostgresError) in try row.boolean(0)
      }
      #expect(try await pool.query(boolean, [.boolean(true)]) == [false])
      let uuid = PostgresStatement("uuid", "SELECT $1::uuid", [.uuid]) {
        row throws(PostgresError) in try row.uuid(0)
      }
      #expect(
        try await pool.query(uuid, [.uuid("2A5AEBB9-48C0-5E7A-AC09-C194973CAE9E")])
          == ["2a5aebb9-48c0-5e7a-ac09-c194973cae9e"])
      let time = PostgresStatement("time", "SELECT $1::timestamptz", [.timestamp]) {
        row throws(PostgresError) in try row.timestamp(0)
      }
      for micros in [
        0, -1, 1_795_242_180_478_988, -62_135_596_800_000_000, 253_402_300_799_999_999,
      ] {
        #expect(
          try await pool.query(time, [.timestamp(microseconds: Int64(micros))]) == [Int64(micros)])
      }
      let date = PostgresStatement("date", "SELECT $1::date + 1", [.date]) {
        row throws(PostgresError) in try row.date(0)
      }
      #expect(try await pool.query(date, [.date("2028-02-28")]) == ["2028-02-29"])
      let texts = PostgresStatement("texts", "SELECT $1::text[]", [.texts]) {
        row throws(PostgresError) in try row.strings(0)
      }
      let list = ["", "NULL", "a,b", "{", "q\"\\", " "]
      #expect(try await pool.query(texts, [.texts(list)]) == [list])
      #expect(try await pool.query(texts, [.texts([])]) == [[]])
      let sum = Probe.integer(
        "sum",
        """
        SELECT (SELECT sum(n) FROM unnest($1::bigint[]) AS n)::bigint
          + cardinality($2::uuid[]) + cardinality($3::numeric[]) + cardinality($4::timestamptz[])
        """, [.integers, .uuids, .numerics, .timestamps])
      let answer = try await pool.query(
        sum,
        [
          .integers([40, -10]), .uuids(["2a5aebb9-48c0-5e7a-ac09-c194973cae9e"]),
          .numerics(["1.5"]), .timestamps([0, 1]),
        ])
      #expect(answer == [34])
    }
  }

  /// Goal: money never passes through a binary float; what PostgreSQL prints is what one gets.
  @Test func numericIsExactText() async throws {
    try await withPostgres { loop, server in
      let pool = try await PostgresPool.ready(loop, server.url)
      defer { pool.close() }
      let numeric = PostgresStatement("numeric", "SELECT $1::numeric", [.numeric]) {
        row throws(PostgresError) in try row.numeric(0)
      }
      let texts = [
        "0", "0.000000001", "-0.10", "100.00",
        "12345678901234567890.123456789012345678901234567890",
        "9007199254740993", "NaN",
      ]
      for text in texts { #expect(try await pool.query(numeric, [.numeric(text)]) == [text]) }
    }
  }

  @Test func nullsAreNilWhereAllowedAndErrorsWhereNot() async throws {
    try await withPostgres { loop, server in
      let pool = try await PostgresPool.ready(loop, server.url)
      defer { pool.close() }
      let all = PostgresStatement(
        "nulls",
        "SELECT $1::text, $2::bigint, $3::boolean, $4::numeric, $5::uuid, $6::bytea, "
          + "$7::timestamptz, $8::date, $9::text[]",
        [.text, .integer, .boolean, .numeric, .uuid, .bytes, .timestamp, .date, .texts]
      ) { row throws(PostgresError) in
        // Each on its own: the closures of && would forget the error's type.
        var areNil = [try row.optionalString(0) == nil, try row.optionalInteger(1) == nil]
        areNil += [try row.optionalBoolean(2) == nil, try row.optionalNumeric(3) == nil]
        areNil += [try row.optionalUUID(4) == nil, try row.optionalBytes(5) == nil]
        areNil += [try row.optionalTimestamp(6) == nil, try row.optionalDate(7) == nil]
        areNil += [try row.optionalStrings(8) == nil, try row.isNull(0)]
        return !areNil.contains(false)
      }
      let nulls = Array(repeating: PostgresParameter.null, count: 9)
      #expect(try await pool.query(all, nulls) == [true])
      let strict = Probe.text("strict", "SELECT 'x' AS first, NULL::text AS second")
      #expect(try await pool.query(strict) == ["x"])
      let second = PostgresStatement("second", "SELECT 'x' AS first, NULL::text AS second") {
        row throws(PostgresError) in try row.string(1)
      }
      let error = await failure { _ = try await pool.query(second) }
      #expect(error?.code == .decoding)
      #expect(error?.statement == "second")
      #expect(error?.reason == "column 1 \"second\" of row 0: NULL")
    }
  }

  /// Goal: a row of another shape than the program expects is told by statement, column and reason,
  /// and without the value.
  @Test func decodingErrorsNameThePlace() async throws {
    try await withPostgres { loop, server in
      let pool = try await PostgresPool.ready(loop, server.url)
      defer { pool.close() }
      let wrongType = Probe.integer("wrong_type", "SELECT 'secret'::text AS name")
      let error = await failure { _ = try await pool.query(wrongType) }
      #expect(error?.code == .decoding)
      #expect(shown(error).contains("statement wrong_type"))
      #expect(shown(error).contains("column 0 \"name\""))
      #expect(shown(error).contains("the column's type number is 25"))
      #expect(!shown(error).contains("secret"))
      let missing = PostgresStatement("missing", "SELECT 1") { row throws(PostgresError) in
        try row.integer(1)
      }
      #expect(
        await failure { _ = try await pool.query(missing) }?.reason == "no column 1, there are 1")
      let infinite = PostgresStatement("infinite", "SELECT 'infinity'::timestamptz") {
        row throws(PostgresError) in try row.timestamp(0)
      }
      #expect(await failure { _ = try await pool.query(infinite) }?.code == .decoding)
      // The connection goes on.
      #expect(try await pool.query(Probe.one) == [1])
      #expect(pool.counters.connects == 1)
    }
  }

  /// Goal: parameters that come from outside are data: nothing in them ends a text, and what
  /// PostgreSQL cannot hold is an error, not a cut text.
  @Test func hostileParametersAreDataOrErrors() async throws {
    try await withPostgres { loop, server in
      let pool = try await PostgresPool.ready(loop, server.url)
      defer { pool.close() }
      let text = Probe.text("text", "SELECT $1::text", [.text])
      let zero = await failure { _ = try await pool.query(text, [.text("a\0b")]) }
      #expect(zero?.code == .parameter && zero?.reason == "$1: a zero byte")
      let long = String(repeating: "x", count: 1 << 20)
      #expect(await failure { _ = try await pool.query(text, [.text(long)]) }?.code == .parameter)
      let count = Probe.integer("cardinality", "SELECT cardinality($1::text[])", [.texts])
      #expect(try await pool.query(count, [.texts(["a\",\"b", "}", "\\"])]) == [3])
      let uuid = Probe.text("as_uuid", "SELECT ($1::uuid)::text", [.uuid])
      let error = await failure { _ = try await pool.query(uuid, [.uuid("'; DROP TABLE x")]) }
      #expect(error?.sqlState == "22P02")
      // The server's words quote the value: they are for debugging only.
      #expect(!shown(error).contains("DROP") && quoted(error).contains("DROP"))
      #expect(pool.counters.connects == 1 && pool.counters.statementsUnderWay == 0)
    }
  }

  /// Goal: an error in the middle of a pipeline fails its own statement and no other.
  @Test func errorInThePipelineIsolates() async throws {
    try await withPostgres { loop, server in
      var options = PostgresOptions()
      options.poolMax = 1
      let pool = try await PostgresPool.ready(loop, server.url, options: options)
      defer { pool.close() }
      let first = pool.begin { try await $0.query(Probe.divide, [.integer(10)]) }
      let broken = pool.begin { try await $0.query(Probe.divide, [.integer(0)]) }
      let last = pool.begin { try await $0.query(Probe.divide, [.integer(50)]) }
      #expect(pool.counters.statementsUnderWay == 3)
      #expect(try await first.value.get() == [10])
      #expect(try await last.value.get() == [2])
      let error = await broken.value.error
      #expect(error?.sqlState == "22012" && error?.statement == "probe_divide")
      #expect(error?.mayHaveExecuted == false)
      #expect(pool.counters.errors == 1 && pool.counters.connectionsLost == 0)
    }
  }

  /// Goal: a statement is prepared when it is first needed, once per connection, also when two need it
  /// at once; one that cannot be prepared fails for all who wait for it, and can succeed later.
  @Test func statementsArePreparedOncePerConnection() async throws {
    try await withPostgres { loop, server in
      var options = PostgresOptions()
      options.poolMax = 1
      let pool = try await PostgresPool.ready(loop, server.url, options: options)
      defer { pool.close() }
      let names = Probe.text(
        "names",
        "SELECT coalesce(string_agg(name, ',' ORDER BY name), '') FROM pg_prepared_statements")
      #expect(try await pool.query(names) == ["names"])
      let twice = (0..<2).map { _ in pool.begin { try await $0.query(Probe.one) } }
      for task in twice { #expect(try await task.value.get() == [1]) }
      #expect(try await pool.query(names) == ["names,probe_one"])
      let absent = Probe.integer("absent", "SELECT n FROM absent")
      let failing = (0..<3).map { _ in pool.begin { try await $0.query(absent) } }
      for task in failing { #expect(await task.value.error?.sqlState == "42P01") }
      try server.psql("CREATE TABLE absent (n bigint); INSERT INTO absent VALUES (5)")
      #expect(try await pool.query(absent) == [5])
      #expect(pool.counters.connects == 1)
    }
  }

  /// Goal: a migration that changes a statement's rows costs one error, not a connection that fails
  /// for ever.
  @Test func outdatedPlanIsReplaced() async throws {
    try await withPostgres { loop, server in
      var options = quickPostgres
      options.poolMax = 1
      let pool = try await PostgresPool.ready(loop, server.url, options: options)
      defer { pool.close() }
      try server.psql("CREATE TABLE t (n bigint); INSERT INTO t VALUES (1)")
      let all = Probe.integer("all_of_t", "SELECT * FROM t")
      #expect(try await pool.query(all) == [1])
      try server.psql("ALTER TABLE t ADD COLUMN m text")
      #expect(await failure { _ = try await pool.query(all) }?.sqlState == "0A000")
      #expect(try await pool.query(all) == [1])
      #expect(pool.counters.connects == 2)
    }
  }

  /// Goal: outside a transaction a statement is reported as done only when it is committed. Method: a
  /// constraint that is checked at COMMIT, after the statement's rows have come.
  @Test func rowsBeforeAFailedCommitAreNoSuccess() async throws {
    try await withPostgres { loop, server in
      let pool = try await PostgresPool.ready(loop, server.url)
      defer { pool.close() }
      try server.psql(
        "CREATE TABLE once (n bigint UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO once VALUES (1)"
      )
      let insert = Probe.integer(
        "insert_once", "INSERT INTO once VALUES ($1) RETURNING n", [.integer])
      let error = await failure { _ = try await pool.query(insert, [.integer(1)]) }
      #expect(error?.sqlState == "23505")
      #expect(error?.server?.constraint == "once_n_key" && error?.server?.table == "once")
      #expect(try await pool.query(insert, [.integer(2)]) == [2])
      #expect(try server.psql("SELECT count(*) FROM once") == "2")
    }
  }

  @Test func executeCountsRows() async throws {
    try await withPostgres { loop, server in
      let pool = try await PostgresPool.ready(loop, server.url)
      defer { pool.close() }
      try server.psql("CREATE TABLE t (n bigint)")
      let insert = PostgresStatement<Void>(
        "insert", "INSERT INTO t SELECT generate_series(1, $1::bigint)", [.integer])
      #expect(try await pool.execute(insert, [.integer(7)]) == 7)
      let delete = PostgresStatement<Void>("delete", "DELETE FROM t WHERE n > 5")
      #expect(try await pool.execute(delete) == 2)
      #expect(try await pool.execute(delete) == 0)
    }
  }
}
