create schema if not exists bench;
drop table if exists bench.plain;
create table bench.plain (
    position       bigint generated always as identity primary key,
    stream_id      text collate "C" not null,
    version        bigint not null,
    event_id       uuid not null unique,
    recorded_at    timestamptz not null,
    type           text collate "C" not null,
    schema_version int not null,
    canonical      text not null,
    hash           bytea not null,
    unique (stream_id, version)
);
