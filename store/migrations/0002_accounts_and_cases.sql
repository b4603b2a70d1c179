-- No account waits for another, and operators find what waits for them.

-- What only a person can settle: NULL if there was never anything, 'open' while one case is, else 'closed'.
ALTER TABLE payments ADD COLUMN case_state text;

-- Each account searches what is ready of its own.
DROP INDEX payments_ready;
CREATE INDEX payments_ready ON payments (account, ready_at) WHERE ready_at IS NOT NULL;

DROP INDEX inbox_age;
CREATE INDEX inbox_age ON inbox (account, received_at, id, lease_until);

-- Operators see every merchant's. Few payments ever have a case, and fewer an open one.
CREATE INDEX payments_cases ON payments (id, merchant) WHERE case_state IS NOT NULL;
CREATE INDEX payments_open_cases ON payments (id, merchant) WHERE case_state = 'open';

CREATE INDEX events_payment ON events (merchant, payment, position);
