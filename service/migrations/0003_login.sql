-- Mailed sign-in links, and who a person is at a sign-in service that belongs to no workspace (Google).

-- What is kept of a link is its hash. There is one for every address that asked, also for those that lead to nobody and
-- get no mail: whoever asks cannot tell the difference.
create table identity.magic_links (
    token_hash bytea primary key check (length(token_hash) = 32),
    email      varchar(254) not null,
    email_key  varchar(254) not null,
    target     varchar(1024),
    -- The identity that becomes the person's own when the link is used, where it was sent to confirm one.
    issuer     varchar(2048),
    subject    varchar(255),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at    timestamptz,
    check ((issuer is null) = (subject is null))
);
create index magic_links_by_address on identity.magic_links (email_key, created_at);
create index magic_links_by_end on identity.magic_links (expires_at);

-- Of a user across workspaces, where identity.identities are of one workspace's member.
create table identity.user_identities (
    issuer          varchar(2048) not null,
    subject         varchar(255) not null,
    user_id         uuid not null references identity.users (user_id) on delete cascade,
    linked_at       timestamptz not null,
    last_sign_in_at timestamptz not null,
    primary key (issuer, subject),
    -- A user is one person at one issuer.
    unique (user_id, issuer)
);
