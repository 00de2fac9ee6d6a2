CREATE TABLE assets (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  symbol symbol NOT NULL UNIQUE,
  class text NOT NULL CONSTRAINT assets_class_is_known
    CHECK (class IN ('us_equity', 'us_option', 'crypto', 'crypto_perp')),
  -- Empty: an exchange that SDKs have no word for.
  exchange text NOT NULL CONSTRAINT assets_exchange_is_known CHECK (exchange IN (
    'AMEX', 'ARCA', 'ASCX', 'BATS', 'NYSE', 'NASDAQ', 'NYSEARCA', 'FTXU', 'CBSE', 'GNSS', 'ERSX', 'OTC',
    'CRYPTO', '')),
  name text NOT NULL CONSTRAINT assets_name_has_length CHECK (char_length(name) BETWEEN 1 AND 200),
  status text NOT NULL DEFAULT 'active'
    CONSTRAINT assets_status_is_known CHECK (status IN ('active', 'inactive')),
  tradable boolean NOT NULL DEFAULT true,
  marginable boolean NOT NULL DEFAULT false,
  shortable boolean NOT NULL DEFAULT false,
  easy_to_borrow boolean NOT NULL DEFAULT false,
  fractionable boolean NOT NULL DEFAULT false,
  min_order_size quantity CONSTRAINT assets_order_size_is_positive CHECK (min_order_size > 0),
  min_trade_increment quantity
    CONSTRAINT assets_trade_increment_is_positive CHECK (min_trade_increment > 0),
  price_increment price,
  maintenance_margin_requirement fraction,
  attributes text[] NOT NULL DEFAULT '{}' CONSTRAINT assets_attributes_are_few
    CHECK (cardinality(attributes) <= 16 AND array_position(attributes, NULL) IS NULL),
  CONSTRAINT assets_with_a_slash_are_crypto CHECK ((class = 'crypto') = (strpos(symbol, '/') > 0)),
  CONSTRAINT assets_of_crypto_have_its_exchange CHECK ((class = 'crypto') = (exchange = 'CRYPTO')),
  CONSTRAINT assets_inactive_are_not_traded CHECK (status = 'active' OR NOT tradable),
  CONSTRAINT assets_easy_to_borrow_are_shortable CHECK (shortable OR NOT easy_to_borrow)
);
-- BTC/USD is also asked for as BTCUSD.
CREATE INDEX assets_without_slash ON assets (replace(symbol, '/', '')) WHERE class = 'crypto';

-- Days on which New York trades, in its local time. A day that is not here is no trading day.
CREATE TABLE market_calendar (
  day date PRIMARY KEY
    CONSTRAINT market_calendar_has_no_weekend CHECK (extract(isodow FROM day) <= 5),
  open time(0) NOT NULL,
  close time(0) NOT NULL,
  opens_at timestamptz NOT NULL
    GENERATED ALWAYS AS ((day + open) AT TIME ZONE 'America/New_York') STORED,
  closes_at timestamptz NOT NULL
    GENERATED ALWAYS AS ((day + close) AT TIME ZONE 'America/New_York') STORED,
  CONSTRAINT market_calendar_opens_before_it_closes CHECK (open < close),
  CONSTRAINT market_calendar_has_whole_minutes
    CHECK (extract(second FROM open) = 0 AND extract(second FROM close) = 0)
);
CREATE UNIQUE INDEX market_calendar_by_open ON market_calendar (opens_at);
CREATE UNIQUE INDEX market_calendar_by_close ON market_calendar (closes_at);
