-- People and what they may open: plain tables, because a person can be erased while the ledger's events stay.
-- Lock order of every change: identity.workspaces row, then the ledger's append lock, then the stream's row.

create schema identity;

-- A check of a table is read anew by every statement that writes a row of it, a domain's once by each connection.
create domain identity.sha256 as bytea check (octet_length(value) = 32);
create domain identity.sign_in_method as varchar(20) check (value in ('sso', 'google', 'magic_link', 'recovery'));
create domain identity.sign_in_start as varchar(10) check (value in ('app', 'okta', 'test'));

-- One row for each workspace. Changes that judge who gets in lock it FOR UPDATE, sign-ins FOR SHARE, so that no sign-in
-- commits on a state that a change has just made untrue.
create table identity.workspaces (
    slug       text primary key check (slug ~ '^[a-z0-9](-?[a-z0-9])*$' and length(slug) between 2 and 63),
    created_at timestamptz not null default clock_timestamp()
);

create table identity.websites (
    workspace  text not null references identity.workspaces (slug) on delete cascade,
    website_id text not null check (length(website_id) between 1 and 200),
    created_at timestamptz not null default clock_timestamp(),
    primary key (workspace, website_id)
);

-- A person across workspaces. The address is null until its mailbox was proven; no connection ever writes it.
-- Lengths are types and no checks: a check is set up anew by every statement that writes a row.
create table identity.users (
    user_id    uuid primary key,
    email      varchar(254),
    email_key  varchar(254) unique,
    name       varchar(200) not null default '',
    created_at timestamptz not null default clock_timestamp(),
    check ((email is null) = (email_key is null))
);

-- The address is what this workspace's connection or invitation said; it says nothing about other workspaces.
-- An erased member keeps the opaque id that events speak of, and nothing else.
create table identity.members (
    member_id   uuid primary key,
    workspace   text not null references identity.workspaces (slug) on delete cascade,
    user_id     uuid references identity.users (user_id),
    email       varchar(254),
    email_key   varchar(254),
    name        varchar(200) not null default '',
    role        text not null check (role in ('owner', 'admin', 'editor', 'viewer')),
    websites    jsonb not null default '"all"' check (websites = '"all"' or jsonb_typeof(websites) = 'array'),
    status      text not null default 'active' check (status in ('active', 'deactivated', 'erased')),
    joined_at   timestamptz not null,
    joined_how  text not null check (joined_how in ('invitation', 'jit')),
    -- When a former owner stopped being one: notices still go there for thirty days.
    owner_until timestamptz,
    check ((status = 'erased') = (user_id is null)),
    check ((status = 'erased') = (email is null)),
    check ((email is null) = (email_key is null)),
    unique (workspace, user_id)
) with (fillfactor = 80);
create unique index members_by_email on identity.members (workspace, email_key) where status <> 'erased';
create index members_by_user on identity.members (user_id);
create index members_by_address on identity.members (email_key);

-- Who a workspace's provider says somebody is. subject_scope is the client id where subjects are pairwise, else ''.
create table identity.identities (
    workspace       text not null,
    issuer          varchar(2048) not null,
    subject_scope   varchar(255) not null default '',
    subject         varchar(255) not null,
    member_id       uuid not null references identity.members (member_id) on delete cascade,
    linked_at       timestamptz not null,
    last_sign_in_at timestamptz not null,
    primary key (workspace, issuer, subject_scope, subject),
    -- A member is one person at one issuer.
    unique (member_id, issuer, subject_scope)
) with (fillfactor = 80);

create table identity.invitations (
    invitation_id uuid primary key,
    workspace     text not null references identity.workspaces (slug) on delete cascade,
    email         varchar(254) not null,
    email_key     varchar(254) not null,
    role          text not null check (role in ('owner', 'admin', 'editor', 'viewer')),
    websites      jsonb not null default '"all"' check (websites = '"all"' or jsonb_typeof(websites) = 'array'),
    status        text not null default 'open' check (status in ('open', 'accepted', 'revoked', 'replaced')),
    invited_by    varchar(300) not null,
    created_at    timestamptz not null,
    expires_at    timestamptz not null,
    member_id     uuid references identity.members (member_id),
    check ((status = 'accepted') = (member_id is not null))
);
create unique index invitations_open on identity.invitations (workspace, email_key) where status = 'open';
create index invitations_by_email on identity.invitations (workspace, email_key, created_at desc);
create index invitations_by_address on identity.invitations (email_key) where status = 'open';
create index invitations_by_member on identity.invitations (member_id);

-- A click mailed to an owner or admin, without which an identity is not linked to them.
create table identity.link_confirmations (
    token_hash    bytea primary key check (length(token_hash) = 32),
    workspace     text not null references identity.workspaces (slug) on delete cascade,
    member_id     uuid references identity.members (member_id) on delete cascade,
    invitation_id uuid references identity.invitations (invitation_id) on delete cascade,
    issuer        text not null,
    subject_scope text not null,
    subject       text not null,
    email         text not null,
    -- Whether the provider's claim was JSON true: what is confirmed is judged again by the policy of then.
    verified      boolean not null,
    name          text,
    created_at    timestamptz not null,
    expires_at    timestamptz not null,
    used_at       timestamptz,
    check (num_nonnulls(member_id, invitation_id) = 1)
);
create index link_confirmations_by_identity
    on identity.link_confirmations (workspace, issuer, subject_scope, subject, created_at desc);
create index link_confirmations_by_member on identity.link_confirmations (member_id);
create index link_confirmations_by_invitation on identity.link_confirmations (invitation_id);

-- One row for each outcome, good or bad. No token, code or secret. Workspace and member are not foreign keys: the log
-- also tells of slugs that do not exist, and outlives members.
create table identity.sign_ins (
    sign_in_id     bigint generated always as identity primary key,
    at             timestamptz not null,
    workspace      varchar(63) not null,
    method         identity.sign_in_method not null,
    reason         varchar(60) not null,
    initiated_by   identity.sign_in_start,
    config_version bigint,
    credentials_id varchar(64),
    member_id      uuid,
    email          varchar(320),
    checks         jsonb not null default '{}',
    detail         varchar(200),
    explanation    varchar(1000),
    okta_field     varchar(200),
    request_id     varchar(100) not null
);
create index sign_ins_by_workspace on identity.sign_ins (workspace, sign_in_id desc);
create index sign_ins_by_request on identity.sign_ins (request_id);
create index sign_ins_of_tests on identity.sign_ins (workspace, credentials_id) where initiated_by = 'test';

-- user_id is no foreign key, because the check would write to the user's row at each sign-in: erasing deletes sessions.
create table identity.sessions (
    session_hash        identity.sha256 primary key,
    user_id             uuid,
    data                jsonb not null,
    created_at          timestamptz not null,
    last_seen_at        timestamptz not null,
    absolute_expires_at timestamptz not null
) with (fillfactor = 80);
create index sessions_by_user on identity.sessions (user_id);
create index sessions_by_end on identity.sessions (absolute_expires_at);

-- Whatever may be used once (a login attempt, a mailed link, a confirming form), by the hash of its id.
create table identity.spent_attempts (
    attempt_hash identity.sha256 primary key,
    expires_at   timestamptz not null
);

create table identity.api_tokens (
    token_id     uuid primary key,
    token_hash   bytea not null unique check (length(token_hash) = 32),
    -- In clear, so that none is given twice, until its holder is forgotten: then the id of the name stands in its place.
    name         text not null check (length(name) between 1 and 200),
    name_id      text collate "C" not null,
    role         text not null check (role in ('support', 'auditor', 'operator')),
    created_at   timestamptz not null default clock_timestamp(),
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);

-- The answer to a write that carried an idempotency key. mac is keyed, over the request with its secrets unsealed.
create table identity.idempotency (
    principal  varchar(300) not null,
    workspace  varchar(63) not null,
    key        text not null check (length(key) between 1 and 255),
    mac        bytea not null,
    status     integer not null,
    answer     jsonb not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (principal, workspace, key)
);
create index idempotency_by_age on identity.idempotency (created_at);

-- Mails, written in the transaction of the change they tell of. The content may hold a bearer link, so it is sealed, and
-- dropped once the mail is out.
create table identity.outbox (
    mail_id         bigint generated always as identity primary key,
    workspace       text,
    kind            varchar(60) not null,
    recipient       varchar(320) not null,
    content         text,
    created_at      timestamptz not null,
    next_attempt_at timestamptz not null,
    attempts        integer not null default 0,
    sent_at         timestamptz,
    given_up_at     timestamptz,
    last_error      varchar(500),
    check ((content is null) = (sent_at is not null or given_up_at is not null))
);
create index outbox_by_recipient on identity.outbox (recipient, created_at);
create index outbox_due on identity.outbox (next_attempt_at) where sent_at is null and given_up_at is null;

-- Who was erased, as keyed digests of address and identity: nobody comes back by just-in-time creation alone.
create table identity.tombstones (
    workspace text not null references identity.workspaces (slug) on delete cascade,
    digest    bytea not null check (length(digest) = 32),
    erased_at timestamptz not null,
    primary key (workspace, digest)
);

-- A sign-in opens a session in place of the browser's: ends that one, and returns the new one's data with those earlier
-- authentications only that the ended session still held. A callback that read them before a "sign out everywhere" must
-- not carry them past it. They come as the ended session held them: what a change has taken out of one is not brought
-- back. The last authentication is the sign-in's own.
create function identity.replace_session(p_replaces bytea, p_data jsonb) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_held jsonb;
begin
    if p_replaces is null then
        return p_data;
    end if;
    delete from identity.sessions where session_hash = p_replaces returning data -> 'authentications' into v_held;
    if jsonb_array_length(p_data -> 'authentications') = 1 then
        return p_data;
    end if;
    return jsonb_set(p_data, '{authentications}', (
        select jsonb_agg(coalesce(h, a) order by n)
        from jsonb_array_elements(p_data -> 'authentications') with ordinality t (a, n)
        left join jsonb_array_elements(v_held) h
            on n < jsonb_array_length(p_data -> 'authentications')
            and h ->> 'at' = a ->> 'at' and h ->> 'method' = a ->> 'method'
            and h ->> 'workspace' is not distinct from a ->> 'workspace'
        where n = jsonb_array_length(p_data -> 'authentications') or h is not null
    ));
end
$$;

-- A known member signs in: everything that the judgement relied on is looked at again under the workspace's lock, then
-- the sign-in, the session and the times are written; all in the one round trip. Each statement of a function sees what
-- committed before it began, so the look comes after the wait for the lock. p_person is whose session the browser holds,
-- null for nobody's. p_head is the hash of the stream's last event: after a restore a version comes again with another
-- content. p_data is the session's, to which whose it is gets added here. Answers no row, having written nothing, when
-- something is or has become otherwise.
create function identity.admit_known(
    p_workspace text, p_version bigint, p_head bytea, p_issuer text, p_scope text, p_subject text, p_email text,
    p_person uuid, p_name text, p_now timestamptz, p_initiated_by text, p_credentials text, p_checks jsonb,
    p_request text, p_session bytea, p_replaces bytea, p_data jsonb, p_expires timestamptz,
    out o_sign_in bigint, out o_member uuid, out o_user uuid
) returns setof record
language plpgsql
set search_path = ''
as $$
declare
    v_renamed boolean;
begin
    perform 1 from identity.workspaces where slug = p_workspace for share;
    -- Nobody waits for the disk: a crash of the database may take back the sign-ins of the moment before it, each with
    -- its session and its row in the log, so that none of them opens anything.
    perform set_config('synchronous_commit', 'off', true);

    select m.member_id, m.user_id, m.name <> p_name into o_member, o_user, v_renamed
    from ledger.streams s
    join projection.connections c on c.slug = s.stream_id and c.version = s.version
    join identity.identities i on i.workspace = s.stream_id
    join identity.members m on m.member_id = i.member_id
    where s.stream_id = p_workspace and s.version = p_version and s.head_hash = p_head
      and i.issuer = p_issuer and i.subject_scope = p_scope and i.subject = p_subject
      and m.status = 'active' and m.email = p_email
      and (p_person is null or m.user_id = p_person);
    if not found then
        return;
    end if;

    p_data := p_data || jsonb_build_object('user_id', o_user);
    p_data := jsonb_set(p_data, '{authentications,-1,member_id}', to_jsonb(o_member));
    if p_replaces is not null then
        p_data := identity.replace_session(p_replaces, p_data);
    end if;
    -- Most sign-ins bring the name that is there.
    if v_renamed then
        update identity.members set name = p_name where member_id = o_member;
    end if;

    with linked as (
        update identity.identities set last_sign_in_at = p_now
        where workspace = p_workspace and issuer = p_issuer and subject_scope = p_scope and subject = p_subject
    ), opened as (
        insert into identity.sessions (session_hash, user_id, data, created_at, last_seen_at, absolute_expires_at)
        values (p_session, o_user, p_data, p_now, p_now, p_expires)
    )
    insert into identity.sign_ins (at, workspace, method, reason, initiated_by, config_version, credentials_id,
                                   member_id, email, checks, request_id)
    values (p_now, p_workspace, 'sso', 'ok', p_initiated_by, p_version, p_credentials,
            o_member, p_email, p_checks, p_request)
    returning sign_in_id into o_sign_in;
    return next;
end
$$;

revoke all on function identity.admit_known, identity.replace_session from public;
grant usage on schema identity to keyledger_runtime;
grant select, insert, update, delete on all tables in schema identity to keyledger_runtime;
grant execute on function identity.admit_known, identity.replace_session to keyledger_runtime;
alter default privileges in schema identity grant select, insert, update, delete on tables to keyledger_runtime;
alter default privileges in schema identity grant execute on functions to keyledger_runtime;
