-- Addresses outside that are told of events, and what they have not taken yet.

create table identity.webhooks (
    webhook_id       uuid primary key,
    url              varchar(2048) not null,
    -- Null: the whole log.
    workspace        varchar(63) references identity.workspaces (slug) on delete cascade,
    -- Null: of every type.
    types            varchar(60)[],
    description      varchar(200) not null,
    secret           text not null,
    -- The secret before this one, which signs beside it until then, so that receivers change over without a gap.
    former_secret    text,
    former_until     timestamptz check ((former_until is null) = (former_secret is null)),
    -- Events up to here became messages, in this epoch of the log.
    position         bigint not null,
    epoch            bigint not null,
    created_at       timestamptz not null,
    disabled_at      timestamptz,
    disabled_because varchar(200)
);

-- A message that was taken is deleted. given_up_at: a dead letter, kept until it is replayed or its webhook removed.
create table identity.webhook_messages (
    webhook_id      uuid not null references identity.webhooks (webhook_id) on delete cascade,
    position        bigint not null,
    stream_id       varchar(63) collate "C" not null,
    attempts        integer not null default 0,
    next_attempt_at timestamptz not null,
    given_up_at     timestamptz,
    last_error      varchar(200),
    primary key (webhook_id, position)
);
create index webhook_messages_in_order on identity.webhook_messages (webhook_id, stream_id, position)
    where given_up_at is null;
