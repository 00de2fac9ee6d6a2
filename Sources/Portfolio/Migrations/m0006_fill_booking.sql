-- The one way to book a fill: fill, order, position and cash in the caller's transaction. Rows are
-- locked account first, so that bookings and transfers cannot wait for each other in a ring.
CREATE FUNCTION book_fill(
  booked_order uuid, booked_qty numeric, booked_price numeric, booked_at timestamptz DEFAULT now(),
  booked_id uuid DEFAULT gen_random_uuid()
) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  filled orders%ROWTYPE;
  held positions%ROWTYPE;
  signed numeric;
  total_qty numeric;
  total_cost numeric;
  is_full boolean;
  next_qty numeric;
  next_cost numeric;
BEGIN
  PERFORM 1 FROM accounts WHERE id = (SELECT account_id FROM orders WHERE id = booked_order)
    FOR NO KEY UPDATE;
  SELECT * INTO filled FROM orders WHERE id = booked_order FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'order %: there is none', booked_order USING ERRCODE = 'no_data_found';
  END IF;
  IF NOT filled.is_open THEN
    RAISE EXCEPTION 'order %: it is % and cannot be filled', booked_order, filled.status
      USING ERRCODE = 'check_violation', CONSTRAINT = 'orders_open_are_filled', TABLE = 'orders';
  END IF;

  INSERT INTO fills (id, account_id, order_id, qty, price, at, cum_qty, leaves_qty)
    VALUES (booked_id, filled.account_id, booked_order, booked_qty, booked_price, booked_at,
      filled.filled_qty + booked_qty, coalesce(filled.qty - filled.filled_qty - booked_qty, 0));
  SELECT sum(qty), sum(qty * price) INTO total_qty, total_cost FROM fills WHERE order_id = booked_order;
  -- An order for an amount of money is full at the cent.
  is_full := CASE WHEN filled.notional IS NULL THEN total_qty = filled.qty
    ELSE round(total_cost, 2) >= filled.notional END;
  UPDATE orders SET
    filled_qty = total_qty,
    filled_avg_price = round(total_cost / total_qty, 9),
    status = CASE WHEN is_full THEN 'filled' ELSE 'partially_filled' END,
    filled_at = CASE WHEN is_full THEN booked_at END,
    updated_at = greatest(updated_at, booked_at)
    WHERE id = booked_order;

  signed := CASE filled.side WHEN 'buy' THEN booked_qty ELSE -booked_qty END;
  UPDATE accounts SET cash = cash - signed * booked_price WHERE id = filled.account_id;

  SELECT * INTO held FROM positions
    WHERE account_id = filled.account_id AND asset_id = filled.asset_id FOR UPDATE;
  IF NOT FOUND THEN
    INSERT INTO positions (account_id, asset_id, qty, cost_basis, opened_at, updated_at)
      VALUES (filled.account_id, filled.asset_id, signed, signed * booked_price, booked_at, booked_at);
    RETURN booked_id;
  END IF;
  next_qty := held.qty + signed;
  IF next_qty = 0 THEN
    DELETE FROM positions WHERE account_id = filled.account_id AND asset_id = filled.asset_id;
    RETURN booked_id;
  END IF;
  next_cost := CASE
    WHEN sign(held.qty) = sign(signed) THEN held.cost_basis + signed * booked_price
    -- Reduced: the part that stays keeps its price.
    WHEN sign(next_qty) = sign(held.qty) THEN round(held.cost_basis * next_qty / held.qty, 9)
    -- Turned over: what is left was opened by this fill.
    ELSE next_qty * booked_price END;
  UPDATE positions SET qty = next_qty, cost_basis = next_cost,
    opened_at = CASE WHEN sign(next_qty) = sign(held.qty) THEN opened_at ELSE booked_at END,
    updated_at = greatest(updated_at, booked_at)
    WHERE account_id = filled.account_id AND asset_id = filled.asset_id;
  RETURN booked_id;
END $$;
