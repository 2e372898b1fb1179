-- The one way in: checks, orders, numbers, times, links and stores the events of one stream, all or none, and writes
-- the connection read model with them.
--
-- p_expected   the version the stream has now; 0: it must not exist; -1: any
-- p_canonical  RFC 8785 texts; the same event ids with the same texts again give the first result, replayed
-- p_document   the read model after these events, or null for a stream that has none
--
-- KL001 another version (DETAIL: the actual one)   KL002 an event id was used for something else
-- KL003 content that is not an event               KL004 append-only   KL005 the position counter fell behind

create function ledger.append(
    p_stream text, p_expected bigint, p_canonical text[], p_document jsonb, p_fold_version int
) returns table (
    version bigint, "position" bigint, leaf_index bigint, recorded_at timestamptz, hash bytea, event_id uuid,
    replayed boolean
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
-- Every look-up is for one row. Of a small table that is written much, the planner would build a bitmap for it.
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    v_count    int := cardinality(p_canonical);
    v_text     text;
    v_body     jsonb;
    v_bodies   jsonb[];
    v_first    uuid;
    v_before   bigint;
    v_last     bigint;
    v_matching bigint;
    v_in_order boolean;
    v_start    bytea;
    v_previous timestamptz;
    v_locked   boolean;
    v_written  boolean;
begin
    if v_count is null or v_count not between 1 and 1000 or p_stream is null or p_expected is null or p_expected < -1
    then
        raise exception 'An append takes a stream, an expected version and 1 to 1000 events.' using errcode = 'KL003';
    end if;
    -- A snapshot from before the lock would judge the version by a state that is gone.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'An append runs in a READ COMMITTED transaction only.' using errcode = 'KL003';
    end if;
    foreach v_text in array p_canonical loop
        v_body := v_text::jsonb;
        if octet_length(v_text) > 131072 or octet_length(v_body ->> 'type') not between 1 and 100
            or (v_body ->> 'schema_version')::int < 1
        then
            raise exception 'An event has a type, a schema version from 1, and at most 128 KiB.' using errcode = 'KL003';
        end if;
        v_bodies := v_bodies || v_body;
    end loop;

    -- An expression, as is the call that writes the read model: a perform starts the executor, each time.
    v_locked := pg_advisory_xact_lock(7311142301) is not null;

    -- All that has to be known, in one statement: where the stream and the log end, and whether this append was recorded
    -- before. All of an append was recorded or nothing of it, so its first event tells; the constraint holds the rest.
    v_first := (v_bodies[1] ->> 'event_id')::uuid;
    select known.event_id is not null, coalesce(s.version, 0), coalesce(s.head_hash, decode(repeat('00', 32), 'hex')),
        coalesce(e.position, 0), coalesce(e.leaf_index, -1), coalesce(e.recorded_at, '-infinity')
    into replayed, v_before, hash, v_last, leaf_index, recorded_at
    from (values (p_stream)) one (stream)
    left join ledger.streams s on s.stream_id = one.stream
    left join ledger.events known on known.event_id = v_first
    left join lateral (
        select position, leaf_index, recorded_at from ledger.events order by position desc limit 1
    ) e on true;
    if replayed then
        select count(*), max(e.version - w.place) = min(e.version - w.place) into v_matching, v_in_order
        from unnest(v_bodies, p_canonical) with ordinality w (body, canonical, place)
        join ledger.events e
            on e.event_id = (w.body ->> 'event_id')::uuid and e.canonical = w.canonical and e.stream_id = p_stream;
        if v_matching <> v_count or not v_in_order then
            raise exception 'An event id of this append was recorded before, with other content or elsewhere.'
                using errcode = 'KL002';
        end if;
        return query
            select e.version, e.position, e.leaf_index, e.recorded_at, e.hash, e.event_id, true
            from ledger.events e
            where e.event_id in (select (w.body ->> 'event_id')::uuid from unnest(v_bodies) w (body))
            order by e.version;
        return;
    end if;

    if p_expected >= 0 and p_expected <> v_before then
        raise exception 'The stream % is at version %, not %.', p_stream, v_before, p_expected
            using errcode = 'KL001', detail = v_before::text;
    end if;

    version := v_before;
    v_previous := recorded_at;
    v_start := convert_to(E'keyledger/event/v1\n', 'UTF8') || int4send(octet_length(p_stream))
        || convert_to(p_stream, 'UTF8');
    for v_place in 1 .. v_count loop
        version := version + 1;
        leaf_index := leaf_index + 1;
        position := nextval('ledger.events_position_seq');
        recorded_at := greatest(clock_timestamp(), recorded_at + interval '1 microsecond');
        hash := sha256(
            v_start || int8send(version) || int8send(position) || int8send(leaf_index)
            || int8send((extract(epoch from recorded_at) * 1000000)::bigint)
            || hash || sha256(convert_to(p_canonical[v_place], 'UTF8'))
        );
        v_body := v_bodies[v_place];
        event_id := (v_body ->> 'event_id')::uuid;
        if position <= v_last then
            raise exception 'The next position would be %, but the log already reaches %.', position, v_last
                using errcode = 'KL005', hint = format(
                    'As the owner, run: select setval(''ledger.events_position_seq'', %s);', v_last
                );
        end if;
        insert into ledger.events as e (
            position, stream_id, version, leaf_index, event_id, recorded_at, type, schema_version, canonical, body,
            hash
        )
        overriding system value
        values (
            position, p_stream, version, leaf_index, event_id, recorded_at, v_body ->> 'type',
            (v_body ->> 'schema_version')::int, p_canonical[v_place], v_body, hash
        );
        return next;
    end loop;

    if v_before = 0 then
        if octet_length(p_stream) > 63 or p_stream !~ '^([a-z0-9](-?[a-z0-9])*|\$system)$' then
            raise exception 'A stream is named by a slug.' using errcode = 'KL003';
        end if;
        insert into ledger.streams (stream_id, version, head_hash, position)
        values (p_stream, version, hash, position);
    else
        update ledger.streams s set version = append.version, head_hash = hash, position = append.position
        where s.stream_id = p_stream;
    end if;
    if p_document is not null then
        v_written := projection.put_connection(p_stream, version, position, p_fold_version, p_document);
    end if;
    -- Who hears of a first event asks again until nothing new comes: a burst needs no more than one notification.
    if recorded_at > v_previous + interval '10 milliseconds' then
        perform pg_notify('keyledger_events', '');
    end if;
end
$$;

revoke all on function ledger.append(text, bigint, text[], jsonb, int) from public;

-- After a restore: what was seen of the log before may not be there any more.
create function ledger.begin_epoch(p_reason text) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
    v_epoch bigint;
begin
    perform pg_advisory_xact_lock(7311142301);
    insert into ledger.epochs (epoch, began_after, reason)
    values (
        -- By the clock: where a backup takes a former restore away as well, its epoch must not come again.
        (select greatest(max(epoch) + 1, extract(epoch from clock_timestamp())::bigint) from ledger.epochs),
        coalesce((select max(position) from ledger.events), 0),
        p_reason
    )
    returning epoch into v_epoch;
    perform pg_notify('keyledger_events', '');
    return v_epoch;
end
$$;

revoke all on function ledger.begin_epoch(text) from public;
