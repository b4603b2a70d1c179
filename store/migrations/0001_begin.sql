-- Columns hold what is searched or compared. Everything else is in `doc`, sealed.
-- Times are microseconds since 1970. Every key starts with the merchant or the account.

CREATE TABLE payments (
    merchant         text   NOT NULL,
    id               text   NOT NULL,
    account          text   NOT NULL,
    order_id         text   NOT NULL,
    status           text   NOT NULL,
    -- 1 if this is the payment its order id has.
    holds_order      bigint NOT NULL,
    currency         text   NOT NULL,
    amount           bigint NOT NULL,
    amount_paid      bigint NOT NULL,
    amount_cancelled bigint NOT NULL,
    version          bigint NOT NULL,
    -- How many events it has.
    events           bigint NOT NULL,
    -- 1 if money of it may still come in or go back.
    is_live          bigint NOT NULL,
    -- What is to be looked up and sent, as JSON. Not sealed: it holds ids and times only.
    checks           text   NOT NULL,
    -- The earliest time in `checks`.
    due_at           bigint,
    lease_until      bigint,
    -- When it is both due and free: what is searched for work.
    ready_at         bigint,
    -- NULL if nothing ever waited for a person, 'open' while something does, else 'closed'.
    review_state     text,
    doc              blob   NOT NULL,
    PRIMARY KEY (merchant, id)
);

-- Operators ask by the payment's id alone.
CREATE UNIQUE INDEX payments_id ON payments (id);
CREATE UNIQUE INDEX payments_held_order ON payments (merchant, order_id) WHERE holds_order = 1;
CREATE INDEX payments_order ON payments (merchant, order_id, id);
CREATE INDEX payments_status ON payments (merchant, status, id);
CREATE INDEX payments_ready ON payments (account, ready_at, id) WHERE ready_at IS NOT NULL;
CREATE INDEX payments_leased ON payments (account, lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX payments_live ON payments (account) WHERE is_live = 1;
-- Few payments ever have a review, and fewer an open one.
CREATE INDEX payments_reviews ON payments (id, merchant) WHERE review_state IS NOT NULL;
CREATE INDEX payments_open_reviews ON payments (id, merchant) WHERE review_state = 'open';

CREATE TABLE attempts (
    merchant    text   NOT NULL,
    payment     text   NOT NULL,
    number      bigint NOT NULL,
    account     text   NOT NULL,
    pg_order_id text   NOT NULL,
    -- The version of the payment that this row was written in.
    version     bigint NOT NULL,
    doc         blob   NOT NULL,
    PRIMARY KEY (merchant, payment, number),
    FOREIGN KEY (merchant, payment) REFERENCES payments (merchant, id)
);

CREATE INDEX attempts_order ON attempts (account, pg_order_id, payment);

CREATE TABLE charges (
    merchant       text   NOT NULL,
    payment        text   NOT NULL,
    id             text   NOT NULL,
    account        text   NOT NULL,
    attempt        bigint NOT NULL,
    pg_payment_id  text,
    accepted       bigint NOT NULL,
    created_at     bigint NOT NULL,
    -- The version of the payment that this row was written in.
    version        bigint NOT NULL,
    -- Sealed, and beside the document because it is written whatever the version.
    webhook_secret blob,
    doc            blob   NOT NULL,
    PRIMARY KEY (merchant, payment, id),
    FOREIGN KEY (merchant, payment) REFERENCES payments (merchant, id)
);

CREATE UNIQUE INDEX charges_accepted ON charges (account, pg_payment_id) WHERE accepted = 1;
CREATE INDEX charges_pg_id ON charges (account, pg_payment_id, accepted, created_at, id);

-- The one writer gives positions in the order of commits, and none is ever given twice.
CREATE TABLE events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    merchant text   NOT NULL,
    payment  text   NOT NULL,
    id       text   NOT NULL,
    doc      blob   NOT NULL,
    FOREIGN KEY (merchant, payment) REFERENCES payments (merchant, id)
);

CREATE INDEX events_feed ON events (merchant, position);
CREATE INDEX events_payment ON events (merchant, payment, position);

CREATE TABLE idempotency (
    merchant   text   NOT NULL,
    key        text   NOT NULL,
    -- The cancel or close the request made. Such a record is never forgotten.
    cancel     text,
    created_at bigint NOT NULL,
    doc        blob   NOT NULL,
    PRIMARY KEY (merchant, key)
);

CREATE INDEX idempotency_age ON idempotency (created_at) WHERE cancel IS NULL;

CREATE TABLE inbox (
    account     text   NOT NULL,
    id          text   NOT NULL,
    -- 'known' or 'unverified', which sort in the order in which they are taken.
    room        text   NOT NULL,
    received_at bigint NOT NULL,
    lease_until bigint,
    doc         blob   NOT NULL,
    PRIMARY KEY (account, id)
);

CREATE INDEX inbox_order ON inbox (account, room, received_at, id, lease_until);

CREATE TABLE deliveries (
    account     text   NOT NULL,
    delivery_id text   NOT NULL,
    seen_at     bigint NOT NULL,
    PRIMARY KEY (account, delivery_id)
);

CREATE TABLE sweeps (
    account     text   NOT NULL,
    swept_to    bigint,
    next_at     bigint,
    lease_until bigint,
    PRIMARY KEY (account)
);

CREATE TABLE accounts (
    account     text NOT NULL,
    merchant    text NOT NULL,
    kind        text NOT NULL,
    mode        text NOT NULL,
    pg_merchant text NOT NULL,
    PRIMARY KEY (account)
);

-- One row: a number that a health check raises, the time of the newest commit, and a known text sealed with the key.
CREATE TABLE store_check (
    id            bigint NOT NULL,
    pings         bigint NOT NULL,
    newest_commit bigint,
    doc           blob   NOT NULL,
    PRIMARY KEY (id)
);
