// Goal: the private PostgreSQL is made once, is reachable for its owner only, keeps what was
// committed whatever ends it, and is gone when it should be. Method: the real server in a temporary
// directory, asked through psql. As root it runs as the user `postgres`, else as ourselves.
import EventLoops
import Glibc
import Logging
import Testing

@testable import ServiceSupport

@Suite(.serialized) struct PrivatePostgresTests {
  private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  @Test func answersItsOwnerOnItsSocketOnlyAndIsGoneAfterStop() async throws {
    let quiet = quiet
    try await withTemporaryDirectory { path in
      try await onOwnLoop { loop in
        let directory = try StateDirectory.open(path + "/a state")
        let postgres = try PrivatePostgres(loop: loop, directory: directory, logger: quiet)
        #expect(postgres.directoryPath == path + "/a state/postgres")
        try await postgres.start()
        let child = try #require(postgres.processID)
        #expect(run("psql", "-XAtc", "select current_database()", postgres.url) == "tapedeck")
        #expect(psql(postgres, "show listen_addresses") == "")
        #expect(psql(postgres, "show server_encoding") == "UTF8")

        #expect(mode(path + "/a state") == 0o700)
        #expect(mode(postgres.directoryPath) == 0o700)
        #expect(mode(postgres.directoryPath + "/.s.PGSQL.5432") == 0o700)
        let user = geteuid() == 0 ? try #require(SystemUser.named("postgres")).id : geteuid()
        #expect(owner("/proc/\(child)") == user && owner(postgres.directoryPath) == user)
        #expect(owner(path + "/a state") == geteuid())
        if geteuid() == 0 {
          // Not even the user who runs it has a role in it.
          let other = run(
            "setpriv", "--reuid", "postgres", "--clear-groups", "psql", "-XAtc", "select 1",
            postgres.url)
          #expect(other == "")
        }

        await postgres.stop()
        #expect(kill(child, 0) == -1 && errno == ESRCH)
        #expect(access(postgres.directoryPath + "/.s.PGSQL.5432", F_OK) == -1)
      }
    }
  }

  @Test func isMadeOnceAndKeepsWhatItWasGiven() async throws {
    let quiet = quiet
    try await withTemporaryDirectory { path in
      try await onOwnLoop { loop in
        let directory = try StateDirectory.open(path)
        // What a start that was killed in the middle has left is made again.
        #expect(run("mkdir", "-p", path + "/postgres.new/base") == "")
        for round in 1...2 {
          let postgres = try PrivatePostgres(loop: loop, directory: directory, logger: quiet)
          try await postgres.start()
          if round == 1 {
            #expect(psql(postgres, "create table t as select 7 as n") == "SELECT 1")
          } else {
            #expect(psql(postgres, "select n from t") == "7")
          }
          await postgres.stop()
        }
        #expect(access(path + "/postgres.new", F_OK) == -1)
      }
    }
  }

  @Test func comesBackWithWhatWasCommittedAfterItWasKilled() async throws {
    let recorder = LogRecorder()
    try await withTemporaryDirectory { path in
      try await onOwnLoop { loop in
        let directory = try StateDirectory.open(path)
        let postgres = try PrivatePostgres(
          loop: loop, directory: directory, logger: recorder.logger(level: .notice))
        try await postgres.start()
        #expect(psql(postgres, "create table t as select 7 as n") == "SELECT 1")
        let first = try #require(postgres.processID)
        kill(first, SIGKILL)
        var waited = 0
        while recorder.lines.last != "notice postgres runs again", waited < 2_000 {
          await loop.sleep(milliseconds: 10)
          waited += 1
        }
        #expect(psql(postgres, "select n from t") == "7")
        #expect(postgres.restarts == 1)
        #expect(try #require(postgres.processID) != first)
        await postgres.stop()
      }
    }
  }

  @Test func endsWithTheThreadThatSpawnedItThoughItChangedItsUser() async throws {
    let quiet = quiet
    try await withTemporaryDirectory { path in
      let child = try await onOwnLoop { loop in
        let directory = try StateDirectory.open(path)
        let postgres = try PrivatePostgres(loop: loop, directory: directory, logger: quiet)
        try await postgres.start()
        return try #require(postgres.processID)  // and nobody stops it
      }
      var status: Int32 = 0
      var waited = 0
      while waitpid(child, &status, WNOHANG) == 0, waited < 200 {
        usleep(10_000)
        waited += 1
      }
      #expect(waited < 200 && status & 0x7f == SIGKILL)
      if waited == 200 { kill(child, SIGKILL) }
      // Its children notice by themselves; the next instance waits for them and goes on at once.
      try await onOwnLoop { loop in
        let directory = try StateDirectory.open(path)
        let postgres = try PrivatePostgres(loop: loop, directory: directory, logger: quiet)
        try await postgres.start()
        #expect(psql(postgres, "select 1") == "1")
        await postgres.stop()
      }
    }
  }

  /// A backend that computes does not notice the end of its server: it is ended by the next one.
  @Test func processesOfAKilledServerAreEndedBeforeTheNextStart() async throws {
    let recorder = LogRecorder()
    try await withTemporaryDirectory { path in
      try await onOwnLoop { loop in
        let directory = try StateDirectory.open(path)
        let postgres = try PrivatePostgres(
          loop: loop, directory: directory, logger: recorder.logger(level: .notice))
        try await postgres.start()
        let place = PostgresPlace(state: directory)
        let processes = place.leftovers()
        let server = try #require(postgres.processID)
        #expect(processes.count >= 4 && processes.contains(server))
        let deaf = try #require(processes.first { $0 != server })
        kill(deaf, SIGSTOP)
        kill(server, SIGKILL)
        var waited = 0
        while recorder.lines.last != "notice postgres runs again", waited < 2_000 {
          await loop.sleep(milliseconds: 10)
          waited += 1
        }
        #expect(psql(postgres, "select 1") == "1")
        #expect(!place.leftovers().contains(deaf))
        await postgres.stop()
      }
    }
  }

  @Test func hungServerIsKilledAtStop() async throws {
    let quiet = quiet
    try await withTemporaryDirectory { path in
      try await onOwnLoop { loop in
        let directory = try StateDirectory.open(path)
        let postgres = try PrivatePostgres(loop: loop, directory: directory, logger: quiet)
        try await postgres.start()
        let child = try #require(postgres.processID)
        kill(child, SIGSTOP)
        let begun = EventLoop.monotonicNanoseconds
        await postgres.stop()
        #expect(EventLoop.monotonicNanoseconds - begun < 3_000_000_000)
        #expect(kill(child, 0) == -1)
      }
    }
  }

  @Test func stopWithClientsConnectedIsFast() async throws {
    let quiet = quiet
    try await withTemporaryDirectory { path in
      try await onOwnLoop { loop in
        let directory = try StateDirectory.open(path)
        let postgres = try PrivatePostgres(loop: loop, directory: directory, logger: quiet)
        try await postgres.start()
        try await withBystander(
          loop, "psql", ["-Xqc", "select pg_sleep(60)", postgres.url]
        ) { _ in
          let asks = "select count(*) from pg_stat_activity where query like '%pg_sleep(60)'"
          var waited = 0
          while psql(postgres, asks) != "1", waited < 500 {
            await loop.sleep(milliseconds: 10)
            waited += 1
          }
          let child = try #require(postgres.processID)
          let begun = EventLoop.monotonicNanoseconds
          await postgres.stop()
          #expect(EventLoop.monotonicNanoseconds - begun < 2_000_000_000)
          #expect(kill(child, 0) == -1)
        }
      }
    }
  }

  @Test func stopWhileTheDatabaseIsMadeEndsItAndTheNextStartMakesIt() async throws {
    let quiet = quiet
    try await withTemporaryDirectory { path in
      try await onOwnLoop { loop in
        let directory = try StateDirectory.open(path)
        for pause: UInt64 in [0, 20, 200] {
          // Both tasks run on this one loop.
          nonisolated(unsafe) let postgres = try PrivatePostgres(
            loop: loop, directory: directory, logger: quiet)
          let start = Task.immediate(executorPreference: loop) { try await postgres.start() }
          await loop.sleep(milliseconds: pause)
          start.cancel()
          await postgres.stop()
          let error = await #expect(throws: ServiceSupportError.self) { try await start.value }
          #expect(error?.message.contains("stopped before it was ready") == true)
        }
        let postgres = try PrivatePostgres(loop: loop, directory: directory, logger: quiet)
        try await postgres.start()
        #expect(psql(postgres, "select 1") == "1")
        await postgres.stop()
      }
    }
  }

  /// PostgreSQL alone would refuse to start: a process of its user bears the number in its lock file.
  @Test func lockFileOfADeadServerWhoseNumberIsTakenStandsInNobodysWay() async throws {
    let quiet = quiet
    try await withTemporaryDirectory { path in
      try await onOwnLoop { loop in
        let directory = try StateDirectory.open(path)
        let first = try PrivatePostgres(loop: loop, directory: directory, logger: quiet)
        try await first.start()
        await first.stop()
        let words =
          geteuid() == 0 ? ["--clear-groups", "--reuid", "postgres", "--"] : ["--"]
        try await withBystander(loop, "setpriv", words + ["sleep", "60"]) { other in
          let lock = "\(other)\n\(first.directoryPath)\n1\n5432\n\n\n1 1\nready   \n"
          #expect(
            run(
              "sh", "-c", "printf '%s' \"$0\" > \"$1\"", lock,
              first.directoryPath + "/postmaster.pid"
            ) == "")
          await loop.sleep(milliseconds: 100)  // until setpriv has changed its user
          let second = try PrivatePostgres(loop: loop, directory: directory, logger: quiet)
          try await second.start()
          #expect(psql(second, "select 1") == "1")
          await second.stop()
        }
      }
    }
  }

  @Test func dataOfAnotherMajorVersionIsRefusedByName() async throws {
    let quiet = quiet
    try await withTemporaryDirectory { path in
      try await onOwnLoop { loop in
        let directory = try StateDirectory.open(path)
        #expect(
          run("sh", "-c", "mkdir \"$0\" && echo 9 > \"$0/PG_VERSION\"", path + "/postgres") == "")
        let error = #expect(throws: ServiceSupportError.self) {
          try PrivatePostgres(loop: loop, directory: directory, logger: quiet)
        }
        #expect(
          error?.message.contains("postgres was made by PostgreSQL 9, and installed is") == true)
        #expect(run("sh", "-c", "echo x > \"$0/PG_VERSION\"", path + "/postgres") == "")
        let strange = #expect(throws: ServiceSupportError.self) {
          try PrivatePostgres(loop: loop, directory: directory, logger: quiet)
        }
        #expect(strange?.message.contains("no PostgreSQL data directory") == true)
      }
    }
  }

  /// Else a second instance would take the first one's server for what a dead one has left.
  @Test func serversHoldTheLockOfTheirDirectory() async throws {
    let quiet = quiet
    try await withTemporaryDirectory { path in
      try await onOwnLoop { loop in
        let postgres = try PrivatePostgres(
          loop: loop, directory: try StateDirectory.open(path + "/one"), logger: quiet)
        let redis = PrivateRedis(
          loop: loop, directory: try StateDirectory.open(path + "/two"), role: .market,
          logger: quiet)
        for name in ["/one", "/two"] {
          let error = #expect(throws: ServiceSupportError.self) {
            try StateDirectory.open(path + name)
          }
          #expect(error?.code == .occupied)
        }
        await postgres.stop()
        await redis.stop()
      }
    }
  }

  @Test func missingServerIsAnErrorThatNamesThePackage() async throws {
    let quiet = quiet
    try await withTemporaryDirectory { path in
      try await onOwnLoop { loop in
        let directory = try StateDirectory.open(path)
        let error = #expect(throws: ServiceSupportError.self) {
          try PrivatePostgres(loop: loop, directory: directory, logger: quiet, programs: path)
        }
        #expect(error?.message.contains("apt-get install postgresql-15") == true)
      }
    }
  }

  @Test func serverThatCannotStartIsAnErrorWithTheEndOfItsLog() async throws {
    let quiet = quiet
    try await withTemporaryDirectory { path in
      try await onOwnLoop { loop in
        let directory = try StateDirectory.open(path)
        let first = try PrivatePostgres(loop: loop, directory: directory, logger: quiet)
        try await first.start()
        await first.stop()
        #expect(
          run("sh", "-c", "echo nonsense >> \"$0/postgresql.conf\"", first.directoryPath) == "")
        let second = try PrivatePostgres(loop: loop, directory: directory, logger: quiet)
        let error = await #expect(throws: ServiceSupportError.self) { try await second.start() }
        #expect(error?.message.contains("postgres ended with status 1") == true, "\(error as Any)")
        #expect(error?.message.contains("contains errors") == true, "\(error as Any)")
        await second.stop()
      }
    }
  }

  @Test func addressIsEncodedForAURI() {
    #expect(PrivatePostgres.percentEncoded("/a b/ü&x=%~") == "/a%20b/%C3%BC%26x%3D%25~")
  }
}

private func psql(_ postgres: PrivatePostgres, _ statement: String) -> String {
  run("psql", "-XAtc", statement, postgres.url)
}

private func mode(_ path: String) -> mode_t? {
  var status = stat()
  return stat(path, &status) == 0 ? status.st_mode & 0o777 : nil
}

private func owner(_ path: String) -> uid_t? {
  var status = stat()
  return stat(path, &status) == 0 ? status.st_uid : nil
}
