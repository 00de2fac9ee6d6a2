CREATE TABLE users (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  email text NOT NULL CONSTRAINT users_email_is_plausible
    CHECK (char_length(email) <= 254 AND email ~ '^[^@[:space:]]+@[^@[:space:]]+$'),
  name text NOT NULL CONSTRAINT users_name_has_length CHECK (char_length(name) BETWEEN 1 AND 200),
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_email_is_unique ON users (lower(email));

-- A version is never used twice, not even after a delete and an insert: the cache keeps old versions
-- under their numbers until they expire.
CREATE SEQUENCE profile_versions;

CREATE TABLE profiles (
  user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
  display_name text NOT NULL
    CONSTRAINT profiles_display_name_has_length CHECK (char_length(display_name) BETWEEN 1 AND 100),
  locale text NOT NULL DEFAULT 'en-US'
    CONSTRAINT profiles_locale_is_plausible CHECK (locale ~ '^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$'),
  time_zone text NOT NULL DEFAULT 'America/New_York'
    CONSTRAINT profiles_time_zone_is_plausible CHECK (time_zone ~ '^[A-Za-z0-9_+/-]{1,64}$'),
  preferences jsonb NOT NULL DEFAULT '{}' CONSTRAINT profiles_preferences_are_small
    CHECK (jsonb_typeof(preferences) = 'object' AND octet_length(preferences::text) <= 8192),
  version bigint NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION profiles_take_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.version := nextval('profile_versions');
  NEW.updated_at := clock_timestamp();
  RETURN NEW;
END $$;
CREATE TRIGGER profiles_version BEFORE INSERT OR UPDATE ON profiles
  FOR EACH ROW EXECUTE FUNCTION profiles_take_version();

-- A profile is shown with its user's name and address.
CREATE FUNCTION users_renew_profile() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE profiles SET version = 0 WHERE user_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER users_profile AFTER UPDATE OF email, name ON users
  FOR EACH ROW EXECUTE FUNCTION users_renew_profile();

-- No foreign key to an account cascades: its money does not disappear with something else.
CREATE TABLE accounts (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL UNIQUE REFERENCES users,
  account_number text NOT NULL UNIQUE
    CONSTRAINT accounts_number_is_well_formed CHECK (account_number ~ '^[A-Z0-9]{1,32}$'),
  status text NOT NULL DEFAULT 'ACTIVE' CONSTRAINT accounts_status_is_known CHECK (status IN (
    'ACTIVE', 'INACTIVE', 'ONBOARDING', 'SUBMITTED', 'SUBMISSION_FAILED', 'ACTION_REQUIRED',
    'ACCOUNT_UPDATED', 'APPROVAL_PENDING', 'APPROVED', 'REJECTED', 'ACCOUNT_CLOSED', 'AML_REVIEW',
    'DISABLED', 'DISABLE_PENDING', 'EDITED', 'KYC_SUBMITTED', 'LIMITED', 'PAPER_ONLY', 'REAPPROVAL_PENDING',
    'RESUBMITTED', 'SIGNED_UP')),
  currency text NOT NULL DEFAULT 'USD'
    CONSTRAINT accounts_currency_is_a_code CHECK (currency ~ '^[A-Z]{3}$'),
  cash amount NOT NULL DEFAULT 0,
  accrued_fees amount NOT NULL DEFAULT 0
    CONSTRAINT accounts_fees_are_owed CHECK (accrued_fees >= 0),
  pending_transfer_in amount NOT NULL DEFAULT 0
    CONSTRAINT accounts_transfer_in_is_positive CHECK (pending_transfer_in >= 0),
  pending_transfer_out amount NOT NULL DEFAULT 0
    CONSTRAINT accounts_transfer_out_is_positive CHECK (pending_transfer_out >= 0),
  multiplier smallint NOT NULL DEFAULT 1
    CONSTRAINT accounts_multiplier_is_known CHECK (multiplier IN (1, 2, 4)),
  shorting_enabled boolean NOT NULL DEFAULT false,
  pattern_day_trader boolean NOT NULL DEFAULT false,
  trading_blocked boolean NOT NULL DEFAULT false,
  transfers_blocked boolean NOT NULL DEFAULT false,
  account_blocked boolean NOT NULL DEFAULT false,
  trade_suspended_by_user boolean NOT NULL DEFAULT false,
  daytrade_count integer NOT NULL DEFAULT 0
    CONSTRAINT accounts_day_trades_are_counted CHECK (daytrade_count >= 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (id, user_id),
  CONSTRAINT accounts_without_margin_owe_nothing CHECK (multiplier > 1 OR cash >= 0),
  CONSTRAINT accounts_without_margin_are_not_short CHECK (multiplier > 1 OR NOT shorting_enabled)
);
