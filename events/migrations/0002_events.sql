-- The log. A position is the place in the whole log and may have holes; a version is the place in a stream and a leaf
-- index the place in the Merkle tree, and both are dense. Only ledger.append draws any of them.

-- There are no check constraints and no generated columns on the path of an append: PostgreSQL reads the expression of
-- each one anew for every statement, which costs more than the insert itself. The append function does it instead, once.

create table ledger.events (
    position       bigint generated always as identity primary key,
    stream_id      text collate "C" not null,
    version        bigint not null,
    leaf_index     bigint not null unique,
    event_id       uuid not null unique,
    recorded_at    timestamptz not null,
    type           text collate "C" not null,
    schema_version int not null,
    canonical      text not null,
    body           jsonb not null,
    hash           bytea not null,
    constraint events_one_per_version unique (stream_id, version)
);

comment on column ledger.events.canonical is 'RFC 8785 text, exactly as given: what is hashed and what is read';
comment on column ledger.events.body is 'the same as jsonb, for people who look things up with SQL; proves nothing';

-- Where each stream ends. The row stays for ever, so that no slug is ever given twice.
create table ledger.streams (
    stream_id text collate "C" primary key,
    version   bigint not null,
    head_hash bytea not null,
    position  bigint not null
) with (fillfactor = 70);

-- A restored backup takes the log back: positions that readers have seen may come again with other events. Each
-- restore begins an epoch, and whoever keeps a position keeps its epoch with it. The first is 1; later ones are the
-- second of their beginning.
create table ledger.epochs (
    epoch      bigint primary key check (epoch >= 1),
    began_at   timestamptz not null default clock_timestamp(),
    began_after bigint not null,
    reason     text not null check (length(reason) between 1 and 1000)
);

insert into ledger.epochs (epoch, began_after, reason) values (1, 0, 'the log began');
