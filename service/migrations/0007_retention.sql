-- What stays of sign-ins whose rows were removed because they are older than the log is kept. Nothing here is about a
-- person. All of it is written by the statement that removes the rows, so that no row is counted twice or lost.

-- A row that stands for several outcomes tells here how many had which reason, as an object. Null: it stands for itself.
-- No check holds that: every sign-in would read it anew.
alter table identity.sign_ins add column counted jsonb;

-- How many removed outcomes there were of each kind, by the UTC day. An empty slug: at addresses that were no
-- workspace's, which anybody makes up, and which are therefore not told apart. An empty start: none was known.
create table identity.sign_in_counts (
    workspace    varchar(63) not null,
    day          date not null,
    method       identity.sign_in_method not null,
    reason       varchar(60) not null,
    initiated_by varchar(10) not null,
    times        bigint not null check (times > 0),
    primary key (workspace, day, method, reason, initiated_by)
);

-- The newest removed test of each outcome and member, of credentials that are still kept: that a member has a way in
-- through them outlives the log. member_id is no foreign key, and null where the test got to nobody.
create table identity.removed_tests (
    workspace      varchar(63) not null,
    credentials_id varchar(64) not null,
    reason         varchar(60) not null,
    member_id      uuid,
    at             timestamptz not null,
    unique nulls not distinct (workspace, credentials_id, reason, member_id)
);

-- Up to which id rows were removed: one that is asked for later was there, and is not unknown.
create table identity.sign_in_removal (
    single          boolean primary key default true check (single),
    removed_through bigint not null
);
insert into identity.sign_in_removal (removed_through) values (0);
