-- How far each catch-up projection has come. The row moves in the transaction of the projection's own writes, by
-- compare and set, so that a batch counts once however often it is delivered.

create table projection.checkpoints (
    projection text collate "C" primary key,
    position   bigint not null check (position >= 0),
    epoch      bigint not null check (epoch >= 1),
    -- The hash of the event at the position: after a restore another event may stand there. Null at the log's start.
    mark       bytea,
    updated_at timestamptz not null default clock_timestamp()
);

-- A stream with an event that a projection cannot take in. Until parked_at is set the projection still tries that
-- event again; from then on it leaves the stream's events from this position on out, until somebody un-parks it.
create table projection.parked (
    projection text collate "C" not null,
    stream_id  text collate "C" not null,
    position   bigint not null,
    error      text not null,
    attempts   int not null check (attempts >= 1),
    at         timestamptz not null default clock_timestamp(),
    parked_at  timestamptz,
    primary key (projection, stream_id)
);

grant select, insert, update, delete on projection.checkpoints, projection.parked to keyledger_runtime;
