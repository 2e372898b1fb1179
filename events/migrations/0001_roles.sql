-- The migrating role owns what it makes. The service runs as a login role of the operator's choice that is a member of
-- keyledger_runtime, which owns nothing. Roles belong to the whole cluster, so the group may be there already, or be
-- made at this moment by the migration of another database.

do $$
begin
    if current_setting('server_encoding') <> 'UTF8' then
        raise exception 'The database has the encoding %; Keyledger hashes UTF-8 text and needs a UTF8 database.',
            current_setting('server_encoding')
            using errcode = 'KL007', hint = 'create database keyledger encoding ''UTF8'' template template0;';
    end if;
    if not exists (select from pg_catalog.pg_roles where rolname = 'keyledger_runtime') then
        create role keyledger_runtime nologin;
    end if;
exception
    when duplicate_object or unique_violation then
        null;
    when insufficient_privilege then
        raise exception 'The role keyledger_runtime is missing, and % may not create roles.', current_user
            using errcode = 'KL007', hint = 'As a superuser, run: create role keyledger_runtime nologin;';
end
$$;

create schema if not exists ledger;
grant usage on schema ledger to keyledger_runtime;
