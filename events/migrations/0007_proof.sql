-- Proof that nothing was rewritten: the Merkle tree over all events, where each stream ends, and signed checkpoints of
-- both. They follow the log from a worker, not from an append: they are remembered beside the log, so that a log that was
-- changed contradicts them.

-- The tree's hashes, 16 in a row: the tile t of level l holds the roots of the perfect subtrees of 16^l leaves from
-- number 16 t on. The last tile of a level may be shorter. Level 0 keeps the positions of its events with them.
create table ledger.tree_tiles (
    level     smallint not null,
    tile      bigint not null,
    hashes    bytea not null,
    positions bigint[],
    primary key (level, tile)
);

-- The map of stream to version and head: a binary tree by the bits of SHA-256 of the stream's name, in which a stream
-- stands where no other shares its prefix. Rows with a stream are leaves.
create table ledger.head_nodes (
    prefix    text collate "C" primary key,
    hash      bytea not null,
    stream_id text collate "C",
    version   bigint,
    head_hash bytea
);

-- How far both have come. Moved by compare and set, in the transaction of the writes that it stands for.
create table ledger.tree_state (
    single   boolean primary key default true check (single),
    size     bigint not null check (size >= 0),
    position bigint not null check (position >= 0),
    streams  bigint not null check (streams >= 0)
);
insert into ledger.tree_state (size, position, streams) values (0, 0, 0);

-- Ed25519 keys, sealed under the secret keys; the newest signs. Their name is the log's and stays.
create table ledger.signing_keys (
    number          bigint generated always as identity primary key,
    key_id          text collate "C" not null unique,
    name            text not null,
    public_key      bytea not null,
    wrapped         bytea not null check (octet_length(wrapped) <= 4096),
    wrapping_key_id text not null check (octet_length(wrapping_key_id) between 1 and 256),
    created_at      timestamptz not null default clock_timestamp()
);

create table ledger.checkpoints (
    size       bigint primary key,
    position   bigint not null,
    root       bytea not null,
    streams    bigint not null,
    heads_root bytea not null,
    key_id     text collate "C" not null,
    note       text not null,
    made_at    timestamptz not null
);

-- Which checkpoint each place outside was sent last.
create table ledger.deliveries (
    place   text collate "C" primary key,
    size    bigint not null check (size >= 0),
    sent_at timestamptz not null default clock_timestamp()
);

create trigger checkpoints_append_only before update or delete or truncate on ledger.checkpoints
    for each statement execute function ledger.refuse_change();
create trigger signing_keys_stay before delete or truncate on ledger.signing_keys
    for each statement execute function ledger.refuse_change();
alter table ledger.checkpoints enable always trigger checkpoints_append_only;
alter table ledger.signing_keys enable always trigger signing_keys_stay;

revoke all on
    ledger.tree_tiles, ledger.head_nodes, ledger.tree_state, ledger.signing_keys, ledger.checkpoints, ledger.deliveries
    from public;
grant select, insert, update on ledger.tree_tiles, ledger.deliveries to keyledger_runtime;
grant select, insert, update, delete on ledger.head_nodes to keyledger_runtime;
grant select, update on ledger.tree_state to keyledger_runtime;
grant select, insert on ledger.checkpoints to keyledger_runtime;
grant select, insert on ledger.signing_keys to keyledger_runtime;
grant update (wrapped, wrapping_key_id) on ledger.signing_keys to keyledger_runtime;
