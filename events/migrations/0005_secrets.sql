-- Sealed client secrets, apart from the events that name them by id and digest: a workspace's secrets can be shredded
-- while its history still verifies.

create table ledger.data_keys (
    data_key_id     uuid primary key,
    stream_id       text collate "C" not null check (octet_length(stream_id) <= 63),
    wrapped         bytea not null check (octet_length(wrapped) <= 4096),
    wrapping_key_id text not null check (octet_length(wrapping_key_id) between 1 and 256),
    created_at      timestamptz not null default clock_timestamp(),
    constraint data_keys_one_per_stream unique (stream_id)
);

create table ledger.secrets (
    secret_id      uuid primary key,
    stream_id      text collate "C" not null check (octet_length(stream_id) <= 63),
    credentials_id text not null check (octet_length(credentials_id) between 1 and 64),
    data_key_id    uuid not null,
    sealed         bytea not null check (octet_length(sealed) <= 8192),
    created_at     timestamptz not null default clock_timestamp()
);
create index secrets_by_stream on ledger.secrets (stream_id);
