// Brings a database to the schema of this executable. Each script runs in one transaction together with
// its row in schema_migrations, under a lock of the whole database: several runners take turns, and
// each finds what the others did. Nothing is applied when what was applied before is not a beginning of
// our list.
//
// Belongs to the pool's loop. It does not make databases, and nothing is ever undone.
package import PostgresClient

package final class Migrator {
  private let pool: PostgresPool
  private let migrations: [Migration]
  private let report: (String) -> Void

  /// For the pool: a script may take long, and so may waiting for another runner.
  package static var poolOptions: PostgresOptions {
    var options = PostgresOptions()
    options.poolMax = 1
    // Until every host of the list has been tried and the failure is known by its name.
    options.waitMilliseconds = PortfolioLimits.migrationMilliseconds
    options.statementMilliseconds = PortfolioLimits.migrationMilliseconds
    options.transactionIdleMilliseconds = PortfolioLimits.migrationMilliseconds
    options.applicationName = "tapedeck migrate"
    return options
  }

  /// `report` gets a line for each step, without a newline.
  package init(
    pool: PostgresPool, migrations: [Migration] = Migration.all,
    report: @escaping (String) -> Void = { _ in }
  ) {
    precondition(migrations.map(\.number).elementsEqual(1..<(migrations.count + 1)))
    self.pool = pool
    self.migrations = migrations
    self.report = report
  }

  /// Applies what is missing. Returns how many scripts this runner applied.
  @discardableResult
  package func run() async throws(MigrationError) -> Int {
    var applied = 0
    while let next = try await step() {
      report("\(next.label): applied")
      applied += 1
    }
    report(
      applied == 0
        ? "schema is up to date (\(migrations.last?.label ?? "empty"))"
        : "schema is at \(migrations.last?.label ?? "empty"), \(applied) applied")
    return applied
  }

  private func step() async throws(MigrationError) -> Migration? {
    try await Migrator.transaction(pool) { transaction in
      guard let next = try await self.next(transaction) else { return nil }
      self.report("\(next.label): applying")
      try await Migrator.run(next.script, named: next.label, transaction)
      try await transaction.execute(
        MigrationStatements.record,
        [.integer(Int64(next.number)), .text(next.name), .text(next.checksum)])
      return next
    }
  }

  /// The first of ours that is not applied yet.
  private func next(_ transaction: PostgresTransaction) async throws -> Migration? {
    _ = try await transaction.query(MigrationStatements.lock)
    if try await transaction.query(MigrationStatements.exists) != [true] {
      try await transaction.execute(MigrationStatements.create)
    }
    let applied = try await transaction.query(MigrationStatements.applied)
    for (index, row) in applied.enumerated() {
      guard row.number == index + 1 else { throw MigrationError.gap(after: index) }
      let label = Migration(row.number, row.name, []).label
      guard index < migrations.count else { throw MigrationError.newer(applied: label) }
      guard row.name == migrations[index].name, row.checksum == migrations[index].checksum else {
        throw MigrationError.changed(applied: label, ours: migrations[index].label)
      }
    }
    return applied.count < migrations.count ? migrations[applied.count] : nil
  }

  // MARK: - For the seed too

  /// `body` in one transaction, which takes the lock itself.
  static func transaction<Value>(
    _ pool: PostgresPool, _ body: (PostgresTransaction) async throws -> Value
  ) async throws(MigrationError) -> Value {
    do {
      return try await pool.transaction(.readCommitted, body)
    } catch let error as MigrationError {
      throw error
    } catch let error as PostgresError {
      throw .database(error)
    } catch {
      preconditionFailure("neither a migration's error nor the database's: \(error)")
    }
  }

  static func run(
    _ script: [UInt8], named label: String, _ transaction: PostgresTransaction
  ) async throws(MigrationError) {
    for statement in SQLScript(script).statements {
      do {
        try await transaction.execute(
          PostgresStatement("\(label):\(statement.line)", statement.text))
      } catch {
        guard error.code == .server else { throw .database(error) }
        throw .refused(script: label, line: statement.line, error)
      }
    }
  }
}
