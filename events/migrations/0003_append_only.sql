-- Nobody changes or removes what is recorded, and nobody inserts past the append lock. ENABLE ALWAYS, so that
-- session_replication_role does not switch the guards off; what is left is to drop them as owner or superuser.

create function ledger.refuse_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception '% on %.% is refused: the log is append-only.', tg_op, tg_table_schema, tg_table_name
        using errcode = 'KL004', hint = 'Record a new event that says what is true now.';
end
$$;

-- A statement trigger fires before identity values are drawn, for INSERT and COPY alike: whoever inserts, positions
-- become visible in their order. The number is the append lock's; ledger.append and a rebuild's swap take the same.
create function ledger.keep_order() returns trigger
language plpgsql
as $$
declare
    v_locked boolean;
begin
    -- An expression, because a perform starts the executor, for every append.
    v_locked := pg_catalog.pg_advisory_xact_lock(7311142301) is not null;
    return null;
end
$$;

create trigger events_in_order before insert on ledger.events
    for each statement execute function ledger.keep_order();
create trigger events_append_only before update or delete or truncate on ledger.events
    for each statement execute function ledger.refuse_change();
create trigger streams_never_end before delete or truncate on ledger.streams
    for each statement execute function ledger.refuse_change();
create trigger epochs_append_only before update or delete or truncate on ledger.epochs
    for each statement execute function ledger.refuse_change();

alter table ledger.events enable always trigger events_in_order;
alter table ledger.events enable always trigger events_append_only;
alter table ledger.streams enable always trigger streams_never_end;
alter table ledger.epochs enable always trigger epochs_append_only;
