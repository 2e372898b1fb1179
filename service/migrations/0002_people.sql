-- Invitations that are accepted by a mailed link, tombstones under a key of their own, and refused sign-ins that support
-- can link to their member.

-- Only the newest mailed link opens an invitation; what is kept of it is its hash.
alter table identity.invitations add column link_hash bytea unique check (length(link_hash) = 32);

-- The key under which tombstones are made, wrapped as data keys are: it outlives the secret key of its first day.
create table identity.tombstone_key (
    one             boolean primary key default true check (one),
    key_id          uuid not null,
    wrapped         bytea not null,
    wrapping_key_id text not null,
    created_at      timestamptz not null default clock_timestamp()
);

-- Who was refused because the member with that address is linked to another identity; found by the request id that the
-- person's page shows.
create table identity.identity_conflicts (
    conflict_id   bigint generated always as identity primary key,
    workspace     text not null references identity.workspaces (slug) on delete cascade,
    request_id    varchar(100) not null,
    issuer        varchar(2048) not null,
    subject_scope varchar(255) not null,
    subject       text not null check (length(subject) between 1 and 255),
    email         varchar(320) not null,
    email_key     varchar(254) not null,
    verified      boolean not null,
    name          varchar(200),
    at            timestamptz not null
);
create index identity_conflicts_by_request on identity.identity_conflicts (workspace, request_id);
create index identity_conflicts_by_age on identity.identity_conflicts (at);

-- A confirmation can also be for an identity that takes the place of the linked one, which support has asked for.
alter table identity.link_confirmations
    add column replaces boolean not null default false,
    add column reason   varchar(1000),
    add column asked_by varchar(300),
    add column ticket   varchar(200);
