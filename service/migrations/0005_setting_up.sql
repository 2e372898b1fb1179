-- Setting a connection up and repairing it: sessions that open no workspace, and requests to use a recovery code.

create table identity.limited_sessions (
    session_hash bytea primary key check (length(session_hash) = 32),
    kind         varchar(10) not null check (kind in ('setup', 'recovery')),
    workspace    text not null references identity.workspaces (slug) on delete cascade,
    -- The set-up link, or the owner.
    holder       uuid not null,
    begun_at     timestamptz not null,
    expires_at   timestamptz not null
);
create index limited_sessions_by_end on identity.limited_sessions (expires_at);

-- Kept for whatever was typed, right or wrong, so that whoever asks cannot tell the difference: no foreign keys.
create table identity.recovery_requests (
    token_hash  bytea primary key check (length(token_hash) = 32),
    workspace   varchar(63) not null,
    email_key   varchar(254) not null,
    code_hashes varchar(64)[] not null,
    created_at  timestamptz not null,
    expires_at  timestamptz not null
);
create index recovery_requests_by_address on identity.recovery_requests (email_key, created_at);
create index recovery_requests_by_end on identity.recovery_requests (expires_at);
