import TestSupport

@testable import Portfolio

/// A database with this executable's schema and a few rows whose ids can be written by hand, asked
/// through psql.
///
/// Users 1 and 2 with accounts 1 (no margin) and 2 (margin); assets AAPL, MSFT, BTC/USD; account 1's
/// orders `open` (limit, 10 at 100), `half` (market, 2 of 10 filled), `full` (market, 5 of 5).
final class StoreScene {
  let server: PrivatePostgres

  static func user(_ n: Int) -> String { "00000000-0000-4000-8000-00000000000\(n)" }
  static func account(_ n: Int) -> String { "00000000-0000-4000-8000-0000000000a\(n)" }
  static func asset(_ n: Int) -> String { "00000000-0000-4000-8000-0000000000b\(n)" }
  static func order(_ n: Int) -> String { "00000000-0000-4000-8000-0000000000c\(n)" }
  static func list(_ n: Int) -> String { "00000000-0000-4000-8000-0000000000d\(n)" }

  init() throws {
    server = try PrivatePostgres()
    // At once: each psql is a process.
    let schema = Migration.all.map { String(decoding: $0.script, as: UTF8.self) }
    try server.psql(
      (schema + [StoreScene.rows, "DELETE FROM invalidation_log"]).joined(separator: ";"))
  }

  func close() { server.close() }

  /// Nil when it was done, else what psql says.
  func refusal(_ sql: String) -> String? {
    do {
      try server.psql(sql)
      return nil
    } catch {
      return "\(error)"
    }
  }

  private static let rows = """
    INSERT INTO users (id, email, name) VALUES
      ('\(user(1))', 'one@example.com', 'One'), ('\(user(2))', 'two@example.com', 'Two');
    INSERT INTO profiles (user_id, display_name) VALUES
      ('\(user(1))', 'One'), ('\(user(2))', 'Two');
    INSERT INTO accounts (id, user_id, account_number, cash, multiplier) VALUES
      ('\(account(1))', '\(user(1))', 'N1', 10000, 1),
      ('\(account(2))', '\(user(2))', 'N2', 10000, 2);
    INSERT INTO api_keys (id, user_id, account_id, secret_sha256) VALUES
      ('key1', '\(user(1))', '\(account(1))', sha256('1')),
      ('key2', '\(user(2))', '\(account(2))', sha256('2'));
    INSERT INTO sessions (id, user_id, account_id, secret_sha256, key_id, expires_at) VALUES
      ('session1', '\(user(1))', '\(account(1))', sha256('1'), 'key1', now() + interval '1 day'),
      ('session2', '\(user(2))', '\(account(2))', sha256('2'), NULL, now() + interval '1 day');
    INSERT INTO assets (id, symbol, class, exchange, name) VALUES
      ('\(asset(1))', 'AAPL', 'us_equity', 'NASDAQ', 'Apple'),
      ('\(asset(2))', 'MSFT', 'us_equity', 'NASDAQ', 'Microsoft'),
      ('\(asset(3))', 'BTC/USD', 'crypto', 'CRYPTO', 'Bitcoin');
    INSERT INTO market_calendar VALUES ('2026-11-20', '09:30', '16:00');
    INSERT INTO orders (id, account_id, client_order_id, asset_id, side, type, time_in_force, qty,
      limit_price) VALUES
      ('\(order(1))', '\(account(1))', 'open', '\(asset(1))', 'buy', 'limit', 'gtc', 10, 100),
      ('\(order(2))', '\(account(1))', 'half', '\(asset(1))', 'buy', 'market', 'gtc', 10, NULL),
      ('\(order(3))', '\(account(1))', 'full', '\(asset(2))', 'buy', 'market', 'day', 5, NULL),
      ('\(order(4))', '\(account(2))', 'other', '\(asset(2))', 'sell', 'market', 'day', 5, NULL);
    SELECT book_fill('\(order(2))', 2, 99.5);
    SELECT book_fill('\(order(3))', 5, 400.123456789);
    INSERT INTO watchlists (id, account_id, name) VALUES
      ('\(list(1))', '\(account(1))', 'First'), ('\(list(2))', '\(account(1))', 'Second'),
      ('\(list(3))', '\(account(2))', 'First');
    INSERT INTO watchlist_items VALUES
      ('\(list(1))', '\(asset(1))', 0), ('\(list(1))', '\(asset(2))', 1),
      ('\(list(3))', '\(asset(1))', 0);
    INSERT INTO equity_history VALUES ('\(account(1))', '2026-11-20 21:00Z', 10000, 9000, false);
    """
}
