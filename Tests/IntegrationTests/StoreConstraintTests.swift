// Goal: each constraint of the schema refuses what it is there for, and none is forgotten here.
// Method: for each one statements that violate it and nothing before it; the catalogue says which
// constraints there are. More than 400 lines: it is one table, compared with the catalogue as a whole.
import TestSupport
import Testing

@testable import Portfolio

@Suite(.serialized) struct StoreConstraintTests {
  private typealias S = StoreScene

  private static func orders(_ set: String, _ client: String = "open") -> String {
    "UPDATE orders SET \(set) WHERE client_order_id = '\(client)'"
  }

  private static let foreign = "ffffffff-ffff-4fff-8fff-ffffffffffff"

  /// Constraint and statements. Of several constraints that fail PostgreSQL names the first by name.
  private static let violations: [(String, [String])] = [
    (
      "price_is_exact",
      ["0", "-1", "1e9", "0.0000000001", "'NaN'", "'Infinity'"].map {
        orders("limit_price = \($0)")
      }
    ),
    (
      "quantity_is_exact",
      ["1e9", "0.0000000001", "'NaN'", "'Infinity'"].map { orders("qty = \($0)") }
    ),
    (
      "amount_is_exact",
      ["1e15", "-1e15", "1e-19", "'NaN'", "'-Infinity'"].map { "UPDATE accounts SET cash = \($0)" }
    ),
    (
      "fraction_is_exact",
      ["-1", "101", "1e-10"].map { "UPDATE assets SET maintenance_margin_requirement = \($0)" }
    ),
    (
      "symbol_is_well_formed",
      ["aapl", "", "A B", String(repeating: "A", count: 33)].map {
        "UPDATE assets SET symbol = '\($0)' WHERE symbol = 'AAPL'"
      }
    ),
    (
      "token_id_is_well_formed",
      ["", "a b", "a.b", String(repeating: "a", count: 65)].map {
        "UPDATE api_keys SET id = '\($0)' WHERE id = 'key2'"
      }
    ),
    ("secret_hash_is_sha256", ["UPDATE api_keys SET secret_sha256 = 'secret'"]),

    ("users_email_is_plausible", ["UPDATE users SET email = 'nobody'"]),
    ("users_name_has_length", ["UPDATE users SET name = ''"]),
    (
      "users_email_is_unique",
      ["UPDATE users SET email = 'ONE@example.com' WHERE id = '\(S.user(2))'"]
    ),
    ("profiles_display_name_has_length", ["UPDATE profiles SET display_name = ''"]),
    ("profiles_locale_is_plausible", ["UPDATE profiles SET locale = 'no locale'"]),
    ("profiles_time_zone_is_plausible", ["UPDATE profiles SET time_zone = 'a b'"]),
    (
      "profiles_preferences_are_small",
      [
        "UPDATE profiles SET preferences = '[]'",
        "UPDATE profiles SET preferences = jsonb_build_object('a', repeat('x', 9000))",
      ]
    ),
    (
      "profiles_user_id_fkey",
      ["INSERT INTO profiles (user_id, display_name) VALUES ('\(foreign)', 'x')"]
    ),
    ("accounts_status_is_known", ["UPDATE accounts SET status = 'active'"]),
    ("accounts_currency_is_a_code", ["UPDATE accounts SET currency = 'usd'"]),
    ("accounts_number_is_well_formed", ["UPDATE accounts SET account_number = 'n-1'"]),
    ("accounts_day_trades_are_counted", ["UPDATE accounts SET daytrade_count = -1"]),
    ("accounts_fees_are_owed", ["UPDATE accounts SET accrued_fees = -1"]),
    ("accounts_transfer_in_is_positive", ["UPDATE accounts SET pending_transfer_in = -1"]),
    ("accounts_transfer_out_is_positive", ["UPDATE accounts SET pending_transfer_out = -1"]),
    ("accounts_multiplier_is_known", ["UPDATE accounts SET multiplier = 3"]),
    ("accounts_without_margin_owe_nothing", ["UPDATE accounts SET cash = -0.01"]),
    ("accounts_without_margin_are_not_short", ["UPDATE accounts SET shorting_enabled = true"]),
    ("accounts_account_number_key", ["UPDATE accounts SET account_number = 'N1'"]),
    (
      "accounts_user_id_key",
      ["INSERT INTO accounts (user_id, account_number) VALUES ('\(S.user(1))', 'N3')"]
    ),
    (
      "accounts_user_id_fkey",
      ["INSERT INTO accounts (user_id, account_number) VALUES ('\(foreign)', 'N3')"]
    ),
    (
      "api_keys_account_id_user_id_fkey",
      ["UPDATE api_keys SET account_id = '\(S.account(2))' WHERE id = 'key1'"]
    ),
    (
      "api_keys_are_revoked_later",
      ["UPDATE api_keys SET revoked_at = created_at - interval '1 second'"]
    ),
    (
      "sessions_account_id_user_id_fkey",
      ["UPDATE sessions SET account_id = '\(S.account(2))' WHERE id = 'session1'"]
    ),
    ("sessions_key_id_fkey", ["UPDATE sessions SET key_id = 'none'"]),
    (
      "sessions_times_are_in_order",
      [
        "UPDATE sessions SET last_seen = created_at - interval '1 second'",
        "UPDATE sessions SET expires_at = created_at",
        "UPDATE sessions SET revoked_at = created_at - interval '1 second'",
      ]
    ),
    (
      "sessions_version_is_positive",
      [
        """
        INSERT INTO sessions (id, user_id, account_id, secret_sha256, expires_at, version)
        VALUES ('s', '\(S.user(1))', '\(S.account(1))', sha256('1'), now() + interval '1 day', 0)
        """
      ]
    ),

    ("assets_class_is_known", ["UPDATE assets SET class = 'bond'"]),
    (
      "assets_exchange_is_known", ["UPDATE assets SET exchange = 'NSE' WHERE symbol = 'AAPL'"]
    ),
    ("assets_name_has_length", ["UPDATE assets SET name = ''"]),
    ("assets_status_is_known", ["UPDATE assets SET status = 'halted', tradable = false"]),
    ("assets_order_size_is_positive", ["UPDATE assets SET min_order_size = 0"]),
    ("assets_trade_increment_is_positive", ["UPDATE assets SET min_trade_increment = 0"]),
    (
      "assets_attributes_are_few",
      [
        "UPDATE assets SET attributes = array_fill('a'::text, ARRAY[17])",
        "UPDATE assets SET attributes = ARRAY[NULL]::text[]",
      ]
    ),
    (
      "assets_with_a_slash_are_crypto",
      [
        "UPDATE assets SET symbol = 'AA/PL' WHERE symbol = 'AAPL'",
        "UPDATE assets SET symbol = 'BTCUSD' WHERE symbol = 'BTC/USD'",
      ]
    ),
    (
      "assets_of_crypto_have_its_exchange",
      [
        "UPDATE assets SET exchange = 'CRYPTO' WHERE symbol = 'AAPL'",
        "UPDATE assets SET exchange = '' WHERE symbol = 'BTC/USD'",
      ]
    ),
    ("assets_inactive_are_not_traded", ["UPDATE assets SET status = 'inactive'"]),
    ("assets_easy_to_borrow_are_shortable", ["UPDATE assets SET easy_to_borrow = true"]),
    ("assets_symbol_key", ["UPDATE assets SET symbol = 'AAPL' WHERE symbol = 'MSFT'"]),
    (
      "market_calendar_has_no_weekend",
      ["INSERT INTO market_calendar VALUES ('2026-11-21', '09:30', '16:00')"]
    ),
    (
      "market_calendar_has_whole_minutes",
      ["INSERT INTO market_calendar VALUES ('2026-11-23', '09:30:01', '16:00')"]
    ),
    (
      "market_calendar_opens_before_it_closes",
      ["INSERT INTO market_calendar VALUES ('2026-11-23', '16:00', '09:30')"]
    ),

    ("orders_account_id_client_order_id_key", [orders("client_order_id = 'half'")]),
    (
      "orders_account_id_fkey", [orders("account_id = '\(foreign)'")]
    ),
    ("orders_asset_id_fkey", [orders("asset_id = '\(foreign)'")]),
    ("orders_client_id_has_length", [orders("client_order_id = ''")]),
    ("orders_side_is_known", [orders("side = 'long'")]),
    ("orders_type_is_known", [orders("type = 'iceberg', limit_price = NULL")]),
    ("orders_time_in_force_is_known", [orders("time_in_force = 'gtd'")]),
    ("orders_class_is_known", [orders("order_class = ''")]),
    ("orders_intent_is_known", [orders("position_intent = 'buy_to_keep'")]),
    ("orders_status_is_known", [orders("status = 'done'")]),
    ("orders_qty_is_positive", [orders("qty = 0, status = 'calculated'")]),
    ("orders_notional_is_positive", [orders("qty = NULL, notional = 0")]),
    ("orders_filled_qty_is_not_negative", [orders("filled_qty = -1")]),
    (
      "orders_trail_percent_is_positive",
      [orders("type = 'trailing_stop', limit_price = NULL, trail_percent = 0")]
    ),
    (
      "orders_have_qty_or_notional",
      [orders("notional = 100"), orders("qty = NULL")]
    ),
    ("orders_are_not_overfilled", [orders("filled_qty = 11", "half")]),
    (
      "orders_fills_have_a_price",
      [orders("filled_avg_price = NULL", "half"), orders("filled_avg_price = 1")]
    ),
    (
      "orders_limit_price_fits_type",
      [orders("limit_price = NULL"), orders("limit_price = 1", "half")]
    ),
    (
      "orders_stop_price_fits_type",
      [
        orders("type = 'stop_limit'"), orders("type = 'stop'", "half"), orders("stop_price = 1"),
      ]
    ),
    (
      "orders_trail_fits_type",
      [
        orders("trail_price = 1"), orders("hwm = 1"),
        orders("type = 'trailing_stop', limit_price = NULL"),
        orders("type = 'trailing_stop', limit_price = NULL, trail_price = 1, trail_percent = 1"),
      ]
    ),
    ("orders_side_fits_intent", [orders("position_intent = 'sell_to_open'")]),
    (
      "orders_filled_are_full",
      [
        orders("status = 'filled', filled_at = now()", "half"),
        orders("status = 'filled', filled_at = now()"),
      ]
    ),
    (
      "orders_full_are_filled",
      [orders("status = 'partially_filled', filled_at = NULL", "full")]
    ),
    ("orders_partially_filled_are_begun", [orders("status = 'partially_filled'")]),
    ("orders_waiting_are_unfilled", [orders("status = 'new'", "half")]),
    (
      "orders_filled_at_fits_status",
      [orders("filled_at = now()"), orders("filled_at = NULL", "full")]
    ),
    (
      "orders_canceled_at_fits_status",
      [orders("canceled_at = now()"), orders("status = 'canceled'")]
    ),
    (
      "orders_expired_at_fits_status",
      [orders("expired_at = now()"), orders("status = 'expired'")]
    ),
    (
      "orders_failed_at_fits_status",
      [orders("failed_at = now()"), orders("status = 'rejected'")]
    ),
    (
      "orders_replacement_fits_status",
      [
        orders("replaced_at = now()"), orders("replaced_by = '\(S.order(2))'"),
        orders("status = 'replaced', replaced_at = now()"),
      ]
    ),
    (
      "orders_times_are_in_order",
      [
        orders("submitted_at = created_at - interval '1 second'"),
        orders("updated_at = created_at - interval '1 second'"),
        orders("expires_at = created_at"),
        orders("filled_at = submitted_at - interval '1 second'", "full"),
        orders("status = 'canceled', canceled_at = submitted_at - interval '1 second'"),
        orders("status = 'expired', expired_at = submitted_at - interval '1 second'"),
        orders("status = 'rejected', failed_at = submitted_at - interval '1 second'"),
        orders(
          "status = 'replaced', replaced_by = '\(S.order(2))',"
            + " replaced_at = submitted_at - interval '1 second'"),
      ]
    ),
    (
      "orders_are_not_their_own_relation",
      [
        orders("replaces = id"), orders("parent_id = id"),
        orders("status = 'replaced', replaced_at = now(), replaced_by = id"),
      ]
    ),
    (
      "orders_replaced_by_account_id_fkey",
      [orders("status = 'replaced', replaced_at = now(), replaced_by = '\(S.order(4))'")]
    ),
    ("orders_replaces_account_id_fkey", [orders("replaces = '\(S.order(4))'")]),
    ("orders_parent_id_account_id_fkey", [orders("parent_id = '\(S.order(4))'")]),
    (
      "orders_fills_add_up",
      [
        orders("filled_qty = 3", "half"), orders("filled_avg_price = 99.500000001", "half"),
        orders("status = 'partially_filled', filled_qty = 1, filled_avg_price = 1"),
      ]
    ),
    (
      "fills_add_up",
      [
        "UPDATE fills SET qty = 1 WHERE order_id = '\(S.order(2))'",
        "UPDATE fills SET price = 1 WHERE order_id = '\(S.order(2))'",
        "DELETE FROM fills WHERE order_id = '\(S.order(2))'",
        """
        INSERT INTO fills (account_id, order_id, qty, price, at, cum_qty, leaves_qty)
        VALUES ('\(S.account(1))', '\(S.order(1))', 1, 100, now(), 1, 9)
        """,
      ]
    ),
    ("fills_qty_is_positive", ["SELECT book_fill('\(S.order(1))', 0, 100)"]),
    ("fills_leave_nothing_negative", ["SELECT book_fill('\(S.order(1))', 11, 100)"]),
    ("fills_cumulate", ["UPDATE fills SET cum_qty = 0.5"]),
    (
      "fills_order_id_account_id_fkey",
      ["UPDATE fills SET account_id = '\(S.account(2))'"]
    ),
    ("positions_account_id_fkey", ["UPDATE positions SET account_id = '\(foreign)'"]),
    (
      "positions_asset_id_fkey",
      ["UPDATE positions SET asset_id = '\(foreign)' WHERE asset_id = '\(S.asset(1))'"]
    ),
    (
      "positions_are_not_empty",
      ["INSERT INTO positions VALUES ('\(S.account(1))', '\(S.asset(3))', 0, 1)"]
    ),
    ("positions_cost_has_their_sign", ["UPDATE positions SET cost_basis = -cost_basis"]),
    ("positions_average_is_a_price", ["UPDATE positions SET qty = 0.000001, cost_basis = 1e9"]),

    (
      "watchlists_account_id_fkey",
      ["UPDATE watchlists SET account_id = '\(foreign)' WHERE id = '\(S.list(1))'"]
    ),
    (
      "watchlists_name_has_length",
      ["", String(repeating: "n", count: 65)].map {
        "UPDATE watchlists SET name = '\($0)' WHERE id = '\(S.list(1))'"
      }
    ),
    (
      "watchlists_name_is_unique",
      ["UPDATE watchlists SET name = 'Second' WHERE id = '\(S.list(1))'"]
    ),
    (
      "watchlists_times_are_in_order",
      ["UPDATE watchlists SET updated_at = created_at - interval '1 second'"]
    ),
    (
      "watchlist_items_are_bounded",
      ["-1", "500"].map { "UPDATE watchlist_items SET position = \($0) WHERE position = 1" }
    ),
    (
      "watchlist_items_asset_id_fkey",
      ["INSERT INTO watchlist_items VALUES ('\(S.list(2))', '\(foreign)', 0)"]
    ),
    (
      "watchlist_items_watchlist_id_fkey",
      ["INSERT INTO watchlist_items VALUES ('\(foreign)', '\(S.asset(1))', 0)"]
    ),
    ("watchlist_items_have_a_place", ["UPDATE watchlist_items SET position = 0"]),
    (
      "equity_history_account_id_fkey",
      ["INSERT INTO equity_history VALUES ('\(foreign)', '2026-11-20 20:00Z', 1, 1)"]
    ),
    (
      "equity_history_is_aligned",
      ["UPDATE equity_history SET at = at + interval '1 second'"]
    ),
    (
      "invalidation_log_key_has_length",
      ["INSERT INTO invalidation_log (key) VALUES ('')"]
    ),
    (
      "history_bars_volume_is_not_negative",
      [
        """
        INSERT INTO history_bars VALUES ('live', 'AAPL', '2026-11-20 20:00Z', 1, 1, 1, 1, 1, 1, -1, 0, 0)
        """
      ]
    ),
  ]

  @Test func everyConstraintRefusesItsViolation() throws {
    let scene = try StoreScene()
    defer { scene.close() }
    for (constraint, statements) in Self.violations {
      for sql in statements {
        let refusal = scene.refusal("BEGIN; \(sql); COMMIT")
        let mark =
          constraint.hasSuffix("add_up") ? "but its fills are" : "constraint \"\(constraint)\""
        #expect(refusal?.contains(mark) == true, "\(constraint): \(sql): \(refusal ?? "was done")")
      }
    }
    // The keys of foreign keys alone, and those that were asked above.
    let unasked = ["accounts_id_user_id_key", "orders_id_account_id_key"]
    let listed = try scene.server.psql(
      """
      SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'p'
      UNION SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
        WHERE indisunique AND NOT indisprimary AND relnamespace = 'public'::regnamespace
          AND indexrelid::regclass::text NOT LIKE 'market_calendar_by_%'
      """
    ).split(separator: "\n").map(String.init)
    #expect(Set(listed) == Set(Self.violations.map(\.0) + unasked))
  }

  @Test func whatIsTrueIsTaken() throws {
    let scene = try StoreScene()
    defer { scene.close() }
    // The ends of the ranges, and the texts that PostgreSQL would print with zeros behind them.
    for sql in [
      "UPDATE accounts SET cash = 999999999999999.999999999999999999",
      "UPDATE accounts SET cash = 1.000000000000000000000000 WHERE id = '\(S.account(2))'",
      Self.orders("qty = 999999999.999999999, limit_price = 0.000000001"),
      "UPDATE users SET email = 'ONE@EXAMPLE.COM' WHERE id = '\(S.user(1))'",
      "SELECT book_fill('\(S.order(1))', 0.000000001, 0.000000001)",
    ] {
      #expect(scene.refusal(sql) == nil, "\(sql)")
    }
  }

  @Test func anOrderThatIsOverIsNotFilledAgain() throws {
    let scene = try StoreScene()
    defer { scene.close() }
    #expect(
      scene.refusal("SELECT book_fill('\(S.order(3))', 1, 1)")?.contains("cannot be filled") == true
    )
    #expect(
      scene.refusal("SELECT book_fill('\(Self.foreign)', 1, 1)")?.contains("there is none") == true)
  }
}
