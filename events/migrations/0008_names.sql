-- Who is named in events, apart from the events: these hold an id, which is a commitment to the name under a key of the
-- person's own. Deleting key and name is forgetting the person: no event changes, and the id tells nothing any more.

-- What seals names and finds them again, wrapped as the workspaces' data keys are. There is one.
create table ledger.names_key (
    single          boolean primary key default true check (single),
    key_id          uuid not null,
    wrapped         bytea not null check (octet_length(wrapped) <= 4096),
    wrapping_key_id text not null check (octet_length(wrapping_key_id) between 1 and 256),
    created_at      timestamptz not null default clock_timestamp()
);

-- The row of a forgotten person stays, so that "forgotten" is told from "never known".
create table ledger.names (
    name_id     text collate "C" primary key check (name_id ~ '^~[A-Za-z0-9_-]{43}$'),
    -- Keyed, over the name: the same name gets the same id again, and nobody finds it by guessing.
    digest      bytea unique check (octet_length(digest) = 32),
    sealed      bytea check (octet_length(sealed) <= 2048),
    created_at  timestamptz not null default clock_timestamp(),
    shredded_at timestamptz,
    check ((sealed is null) = (shredded_at is not null)),
    check ((digest is null) = (sealed is null))
);

-- The one change that there is to a name.
create function ledger.shred_name(p_name_id text) returns boolean
language sql security definer
set search_path = pg_catalog, pg_temp
begin atomic
    with gone as (
        update ledger.names set digest = null, sealed = null, shredded_at = clock_timestamp()
        where name_id = p_name_id and shredded_at is null
        returning name_id
    )
    select exists (select from gone);
end;

create trigger names_stay before delete or truncate on ledger.names
    for each statement execute function ledger.refuse_change();
alter table ledger.names enable always trigger names_stay;

revoke all on function ledger.shred_name(text) from public;
revoke all on ledger.names, ledger.names_key from public;
grant select, insert (name_id, digest, sealed) on ledger.names to keyledger_runtime;
grant select, insert on ledger.names_key to keyledger_runtime;
grant update (wrapped, wrapping_key_id) on ledger.names_key to keyledger_runtime;
grant execute on function ledger.shred_name(text) to keyledger_runtime;
