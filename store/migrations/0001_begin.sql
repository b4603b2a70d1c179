-- Columns hold only what is searched or compared. Everything else is in `doc`, sealed.
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
    hints            bigint NOT NULL,
    -- How many events it has.
    events           bigint NOT NULL,
    watch_at         bigint,
    -- Since when there are hints that no commit has answered.
    dirty_at         bigint,
    lease_until      bigint,
    -- When it is both due and free: what the resolver searches.
    ready_at         bigint,
    doc              blob   NOT NULL,
    PRIMARY KEY (merchant, id)
);

-- Hints and answers come with the payment's id alone.
CREATE UNIQUE INDEX payments_id ON payments (id);
CREATE UNIQUE INDEX payments_held_order ON payments (merchant, order_id) WHERE holds_order = 1;
CREATE INDEX payments_order ON payments (merchant, order_id, id);
CREATE INDEX payments_status ON payments (merchant, status, id);
CREATE INDEX payments_ready ON payments (ready_at) WHERE ready_at IS NOT NULL;
CREATE INDEX payments_in_use ON payments (account)
    WHERE ready_at IS NOT NULL OR status IN ('ready', 'confirming', 'awaiting_deposit');

CREATE TABLE attempts (
    merchant    text   NOT NULL,
    payment     text   NOT NULL,
    number      bigint NOT NULL,
    account     text   NOT NULL,
    pg_order_id text   NOT NULL,
    pg_id       text,
    accepted    bigint NOT NULL,
    created_at  bigint NOT NULL,
    doc         blob   NOT NULL,
    PRIMARY KEY (merchant, payment, number),
    FOREIGN KEY (merchant, payment) REFERENCES payments (merchant, id)
);

CREATE INDEX attempts_order ON attempts (account, pg_order_id, payment);
CREATE UNIQUE INDEX attempts_accepted ON attempts (account, pg_id) WHERE accepted = 1;
CREATE INDEX attempts_claimed ON attempts (account, pg_id, accepted, created_at, payment);

CREATE TABLE cancels (
    merchant text   NOT NULL,
    payment  text   NOT NULL,
    id       text   NOT NULL,
    -- The order they were made in, within the payment.
    number   bigint NOT NULL,
    status   text   NOT NULL,
    amount   bigint NOT NULL,
    doc      blob   NOT NULL,
    PRIMARY KEY (merchant, payment, id),
    FOREIGN KEY (merchant, payment) REFERENCES payments (merchant, id)
);

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

CREATE TABLE idempotency (
    merchant   text   NOT NULL,
    key        text   NOT NULL,
    created_at bigint NOT NULL,
    doc        blob   NOT NULL,
    PRIMARY KEY (merchant, key)
);

CREATE INDEX idempotency_age ON idempotency (created_at);

CREATE TABLE inbox (
    account     text   NOT NULL,
    id          text   NOT NULL,
    received_at bigint NOT NULL,
    lease_until bigint,
    doc         blob   NOT NULL,
    PRIMARY KEY (account, id)
);

-- It is finished by its id alone.
CREATE UNIQUE INDEX inbox_id ON inbox (id);
CREATE INDEX inbox_age ON inbox (received_at, id, lease_until);

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

-- One row: a known text sealed with the current key, and a number a health check can raise.
CREATE TABLE store_check (
    id    bigint NOT NULL,
    pings bigint NOT NULL,
    doc   blob   NOT NULL,
    PRIMARY KEY (id)
);
