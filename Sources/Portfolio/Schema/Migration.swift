import ServiceSupport

/// One step of the schema: a script that is applied once. What was applied is never changed
/// afterwards, its checksum is in the database; a correction is a further step.
package struct Migration: Sendable {
  /// From 1, without gaps.
  package let number: Int
  package let name: String
  let script: [UInt8]
  /// SHA-256 of the script, in hexadecimal digits.
  let checksum: String

  init(_ number: Int, _ name: String, _ script: [UInt8]) {
    self.number = number
    self.name = name
    self.script = script
    checksum = script.withUnsafeBytes { SHA256Digest(of: $0).hexadecimal }
  }

  /// As the file is called, without its suffix.
  package var label: String {
    let digits = String(number)
    return "m" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "_" + name
  }

  /// The files of `Migrations`, which are part of the executable.
  package static let all: [Migration] = [
    Migration(1, "domains", PackageResources.m0001_domains_sql),
    Migration(2, "users", PackageResources.m0002_users_sql),
    Migration(3, "credentials", PackageResources.m0003_credentials_sql),
    Migration(4, "assets", PackageResources.m0004_assets_sql),
    Migration(5, "orders", PackageResources.m0005_orders_sql),
    Migration(6, "fill_booking", PackageResources.m0006_fill_booking_sql),
    Migration(7, "watchlists", PackageResources.m0007_watchlists_sql),
    Migration(8, "equity_history", PackageResources.m0008_equity_history_sql),
    Migration(9, "invalidation", PackageResources.m0009_invalidation_sql),
    Migration(10, "history", PackageResources.m0010_history_sql),
  ]
}
