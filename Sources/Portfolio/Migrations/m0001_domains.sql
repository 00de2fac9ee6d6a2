-- What a price, a quantity and an amount of money are, everywhere below.
--
-- They are plain numeric with a check, not numeric(p, s): a typmod rounds silently what does not fit,
-- a check refuses it. NaN and the infinities fail the comparison. The bounds are chosen so that
-- integers of 127 bits hold everything exactly: quantity x price has at most 18 digits before the point
-- and 18 behind it (1e36 of 1.7e38), and 1e5 amounts of less than 1e15 can be summed at scale 18.
CREATE DOMAIN price AS numeric
  CONSTRAINT price_is_exact CHECK (VALUE > 0 AND VALUE < 1e9 AND min_scale(VALUE) <= 9);

CREATE DOMAIN quantity AS numeric
  CONSTRAINT quantity_is_exact CHECK (abs(VALUE) < 1e9 AND min_scale(VALUE) <= 9);

-- Scale 18: what a fill costs is quantity x price, and nobody rounds it.
CREATE DOMAIN amount AS numeric
  CONSTRAINT amount_is_exact CHECK (abs(VALUE) < 1e15 AND min_scale(VALUE) <= 18);

CREATE DOMAIN fraction AS numeric
  CONSTRAINT fraction_is_exact CHECK (VALUE >= 0 AND VALUE <= 100 AND min_scale(VALUE) <= 9);

CREATE DOMAIN symbol AS text
  CONSTRAINT symbol_is_well_formed CHECK (VALUE ~ '^[A-Z0-9._/-]{1,32}$');

CREATE DOMAIN token_id AS text
  CONSTRAINT token_id_is_well_formed CHECK (VALUE ~ '^[A-Za-z0-9_-]{1,64}$');

CREATE DOMAIN secret_hash AS bytea
  CONSTRAINT secret_hash_is_sha256 CHECK (octet_length(VALUE) = 32);
