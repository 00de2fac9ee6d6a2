-- Orders are written by the exchange and the back office, never by a request. What a status says about
-- an order's other columns is checked here.
CREATE TABLE orders (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  account_id uuid NOT NULL REFERENCES accounts,
  client_order_id text NOT NULL CONSTRAINT orders_client_id_has_length
    CHECK (char_length(client_order_id) BETWEEN 1 AND 128),
  asset_id uuid NOT NULL REFERENCES assets,
  side text NOT NULL CONSTRAINT orders_side_is_known CHECK (side IN ('buy', 'sell')),
  type text NOT NULL CONSTRAINT orders_type_is_known
    CHECK (type IN ('market', 'limit', 'stop', 'stop_limit', 'trailing_stop')),
  time_in_force text NOT NULL CONSTRAINT orders_time_in_force_is_known
    CHECK (time_in_force IN ('day', 'gtc', 'opg', 'cls', 'ioc', 'fok')),
  order_class text NOT NULL DEFAULT 'simple' CONSTRAINT orders_class_is_known
    CHECK (order_class IN ('simple', 'mleg', 'bracket', 'oco', 'oto')),
  position_intent text CONSTRAINT orders_intent_is_known
    CHECK (position_intent IN ('buy_to_open', 'buy_to_close', 'sell_to_open', 'sell_to_close')),
  qty quantity CONSTRAINT orders_qty_is_positive CHECK (qty > 0),
  notional amount CONSTRAINT orders_notional_is_positive CHECK (notional > 0),
  filled_qty quantity NOT NULL DEFAULT 0
    CONSTRAINT orders_filled_qty_is_not_negative CHECK (filled_qty >= 0),
  -- The fills' mean, rounded to 9 places; the fills themselves are exact.
  filled_avg_price price,
  limit_price price,
  stop_price price,
  trail_price price,
  trail_percent fraction CONSTRAINT orders_trail_percent_is_positive CHECK (trail_percent > 0),
  hwm price,
  extended_hours boolean NOT NULL DEFAULT false,
  status text NOT NULL DEFAULT 'new' CONSTRAINT orders_status_is_known CHECK (status IN (
    'new', 'partially_filled', 'filled', 'done_for_day', 'canceled', 'expired', 'replaced',
    'pending_cancel', 'pending_replace', 'pending_review', 'accepted', 'pending_new',
    'accepted_for_bidding', 'stopped', 'rejected', 'suspended', 'calculated', 'held')),
  is_open boolean NOT NULL GENERATED ALWAYS AS
    (status NOT IN ('filled', 'canceled', 'expired', 'replaced', 'rejected')) STORED,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  submitted_at timestamptz NOT NULL DEFAULT now(),
  filled_at timestamptz,
  expires_at timestamptz,
  expired_at timestamptz,
  canceled_at timestamptz,
  failed_at timestamptz,
  replaced_at timestamptz,
  replaced_by uuid,
  replaces uuid,
  parent_id uuid,
  UNIQUE (account_id, client_order_id),
  UNIQUE (id, account_id),
  -- Within one account. Deferred: the two orders of a replacement name each other.
  FOREIGN KEY (replaced_by, account_id) REFERENCES orders (id, account_id)
    DEFERRABLE INITIALLY DEFERRED,
  FOREIGN KEY (replaces, account_id) REFERENCES orders (id, account_id)
    DEFERRABLE INITIALLY DEFERRED,
  FOREIGN KEY (parent_id, account_id) REFERENCES orders (id, account_id)
    DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT orders_have_qty_or_notional CHECK (num_nonnulls(qty, notional) = 1),
  CONSTRAINT orders_are_not_overfilled CHECK (filled_qty <= qty),
  CONSTRAINT orders_fills_have_a_price CHECK ((filled_qty > 0) = (filled_avg_price IS NOT NULL)),
  CONSTRAINT orders_limit_price_fits_type
    CHECK ((limit_price IS NOT NULL) = (type IN ('limit', 'stop_limit'))),
  CONSTRAINT orders_stop_price_fits_type CHECK (
    CASE type WHEN 'stop' THEN stop_price IS NOT NULL WHEN 'stop_limit' THEN stop_price IS NOT NULL
      WHEN 'trailing_stop' THEN true ELSE stop_price IS NULL END),
  CONSTRAINT orders_trail_fits_type CHECK (
    num_nonnulls(trail_price, trail_percent) = CASE type WHEN 'trailing_stop' THEN 1 ELSE 0 END
    AND (hwm IS NULL OR type = 'trailing_stop')),
  CONSTRAINT orders_side_fits_intent
    CHECK (position_intent IS NULL OR split_part(position_intent, '_', 1) = side),
  CONSTRAINT orders_filled_are_full
    CHECK (status <> 'filled' OR (filled_qty > 0 AND filled_qty = coalesce(qty, filled_qty))),
  CONSTRAINT orders_full_are_filled
    CHECK (filled_qty <> qty OR status IN ('filled', 'calculated')),
  CONSTRAINT orders_partially_filled_are_begun CHECK (status <> 'partially_filled' OR filled_qty > 0),
  CONSTRAINT orders_waiting_are_unfilled CHECK (
    filled_qty = 0 OR status NOT IN ('new', 'accepted', 'pending_new', 'pending_review',
      'accepted_for_bidding', 'held', 'rejected')),
  CONSTRAINT orders_filled_at_fits_status CHECK ((filled_at IS NOT NULL) = (status = 'filled')),
  CONSTRAINT orders_canceled_at_fits_status CHECK ((canceled_at IS NOT NULL) = (status = 'canceled')),
  CONSTRAINT orders_expired_at_fits_status CHECK ((expired_at IS NOT NULL) = (status = 'expired')),
  CONSTRAINT orders_failed_at_fits_status CHECK ((failed_at IS NOT NULL) = (status = 'rejected')),
  CONSTRAINT orders_replacement_fits_status CHECK (
    (replaced_at IS NOT NULL) = (status = 'replaced')
    AND (replaced_by IS NOT NULL) = (status = 'replaced')),
  CONSTRAINT orders_times_are_in_order CHECK (
    submitted_at >= created_at AND updated_at >= created_at AND expires_at > created_at
    AND filled_at >= submitted_at AND canceled_at >= submitted_at AND expired_at >= submitted_at
    AND failed_at >= submitted_at AND replaced_at >= submitted_at),
  CONSTRAINT orders_are_not_their_own_relation
    CHECK (replaced_by <> id AND replaces <> id AND parent_id <> id)
);
CREATE INDEX orders_by_time ON orders (account_id, submitted_at DESC, id DESC);
CREATE INDEX orders_open_by_time ON orders (account_id, submitted_at DESC, id DESC) WHERE is_open;
CREATE INDEX orders_by_parent ON orders (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX orders_by_asset ON orders (asset_id);

CREATE TABLE fills (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  account_id uuid NOT NULL,
  order_id uuid NOT NULL,
  qty quantity NOT NULL CONSTRAINT fills_qty_is_positive CHECK (qty > 0),
  price price NOT NULL,
  at timestamptz NOT NULL,
  -- Of the order, after this fill.
  cum_qty quantity NOT NULL,
  leaves_qty quantity NOT NULL CONSTRAINT fills_leave_nothing_negative CHECK (leaves_qty >= 0),
  FOREIGN KEY (order_id, account_id) REFERENCES orders (id, account_id),
  CONSTRAINT fills_cumulate CHECK (cum_qty >= qty)
);
CREATE INDEX fills_by_time ON fills (account_id, at DESC, id DESC);
CREATE INDEX fills_by_order ON fills (order_id);

-- At commit an order's filled_qty is the sum of its fills, and its average their mean. Who writes both
-- holds the order's row, so the check sees what every earlier writer did.
CREATE FUNCTION orders_check_fills() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  checked uuid[];
  one uuid;
  sum_qty numeric;
  mean numeric;
  stated record;
BEGIN
  IF TG_TABLE_NAME = 'orders' THEN
    checked := ARRAY[NEW.id];
  ELSIF TG_OP = 'INSERT' THEN
    checked := ARRAY[NEW.order_id];
  ELSIF TG_OP = 'DELETE' THEN
    checked := ARRAY[OLD.order_id];
  ELSE
    checked := ARRAY[NEW.order_id, OLD.order_id];
  END IF;
  FOREACH one IN ARRAY checked LOOP
    SELECT filled_qty, filled_avg_price INTO stated FROM orders WHERE id = one;
    CONTINUE WHEN NOT FOUND;
    SELECT coalesce(sum(qty), 0), round(sum(qty * price) / sum(qty), 9)
      INTO sum_qty, mean FROM fills WHERE order_id = one;
    IF stated.filled_qty <> sum_qty OR stated.filled_avg_price IS DISTINCT FROM mean THEN
      RAISE EXCEPTION 'order %: filled % at % but its fills are % at %',
        one, stated.filled_qty, stated.filled_avg_price, sum_qty, mean
        USING ERRCODE = 'check_violation', CONSTRAINT = 'orders_fills_add_up', TABLE = 'orders';
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER orders_fills_add_up
  AFTER INSERT OR UPDATE OF filled_qty, filled_avg_price ON orders
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION orders_check_fills();
CREATE CONSTRAINT TRIGGER fills_add_up AFTER INSERT OR UPDATE OR DELETE ON fills
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION orders_check_fills();

-- A short position has a negative quantity and a negative cost. The cost is what is exact; the average
-- price is derived, rounded to 9 places.
CREATE TABLE positions (
  account_id uuid NOT NULL REFERENCES accounts,
  asset_id uuid NOT NULL REFERENCES assets,
  qty quantity NOT NULL CONSTRAINT positions_are_not_empty CHECK (qty <> 0),
  cost_basis amount NOT NULL,
  avg_entry_price numeric GENERATED ALWAYS AS (round(cost_basis / nullif(qty, 0), 9)) STORED,
  opened_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, asset_id),
  CONSTRAINT positions_cost_has_their_sign CHECK (sign(cost_basis) = sign(qty)),
  CONSTRAINT positions_average_is_a_price
    CHECK (avg_entry_price <> 0 AND abs(avg_entry_price) < 1e9)
);
CREATE INDEX positions_by_asset ON positions (asset_id);
