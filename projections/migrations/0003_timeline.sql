-- The audit timeline: who did what, when and why, one row and one sentence for each event. The table's name carries
-- the projection's version; a new version is a new table, filled beside this one.

create table projection.timeline_v1 (
    position       bigint primary key,
    event_id       uuid not null,
    stream_id      text collate "C" not null,
    version        bigint not null,
    recorded_at    timestamptz not null,
    type           text collate "C" not null,
    actor_type     text not null,
    actor_id       text not null,
    reason         text,
    requested_by   text,
    ticket         text,
    correlation_id text,
    summary        text not null
);
create index timeline_v1_by_stream on projection.timeline_v1 (stream_id, position);

grant select, insert, update, delete on projection.timeline_v1 to keyledger_runtime;
