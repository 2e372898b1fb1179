"""Removes rows of the sign-in log that are older than it is kept, and keeps how many there were of each kind.

One statement removes a batch and writes what stays of it, so that every row is either in the log or counted, wherever
the work ends. What else rests on old rows loses nothing: the lifting of an unconfirmed enforcement (its rows wait until
that is settled), who has a way in through tested credentials (``removed_tests``), and whether an id was ever there
(``sign_in_removal``).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from service.identity.resources import Executor

# The oldest by id, which is the order of writing: no index on the time, which every sign-in would have to write.
# Rows that somebody else is changing are left to the next batch, so that this one never waits.
_REMOVE: Final = """
    with looked_at as materialized (
        select sign_in_id, at from identity.sign_ins where sign_in_id > $2 order by sign_in_id limit $3
    ), gone as (
        delete from identity.sign_ins where sign_in_id = any (array(
            select s.sign_in_id from identity.sign_ins s
            where s.sign_in_id = any (array(select sign_in_id from looked_at where at < $1)) and not exists (
                select from projection.connections c
                join ledger.events e on e.event_id = (c.document #>> '{enforcement,event_id}')::uuid
                where c.slug = s.workspace and c.lapses_at is not null and s.at >= e.recorded_at
            )
            for update of s skip locked
        ))
        returning sign_in_id, at, workspace, method, reason, initiated_by, credentials_id, member_id, counted
    ), counting as (
        insert into identity.sign_in_counts as kept (workspace, day, method, reason, initiated_by, times)
        select coalesce(w.slug, ''), (g.at at time zone 'UTC')::date, g.method, coalesce(c.key, g.reason),
               coalesce(g.initiated_by, ''), sum(coalesce(c.value::bigint, 1))
        from gone g
        left join identity.workspaces w on w.slug = g.workspace
        left join lateral jsonb_each_text(g.counted) c on true
        group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
        on conflict (workspace, day, method, reason, initiated_by) do update set times = kept.times + excluded.times
    ), in_use as (
        select distinct c.slug, i.credentials_id
        from gone g join projection.connections c on c.slug = g.workspace
        cross join lateral (values
            (c.document #>> '{credentials,credentials_id}'), (c.document #>> '{staged,credentials_id}'),
            (c.document #>> '{former,credentials_id}')
        ) i (credentials_id)
        where g.initiated_by = 'test' and i.credentials_id is not null
    ), of_others as (
        delete from identity.removed_tests t
        where t.workspace in (select workspace from gone where initiated_by = 'test')
          and (t.workspace, t.credentials_id) not in (select slug, credentials_id from in_use)
    ), testing as (
        insert into identity.removed_tests as kept (workspace, credentials_id, reason, member_id, at)
        select g.workspace, g.credentials_id, g.reason, g.member_id, max(g.at)
        from gone g join in_use u on u.slug = g.workspace and u.credentials_id = g.credentials_id
        where g.initiated_by = 'test'
        group by 1, 2, 3, 4
        on conflict (workspace, credentials_id, reason, member_id) do update set at = greatest(kept.at, excluded.at)
    ), noting as (
        update identity.sign_in_removal set removed_through = greatest(removed_through, last.sign_in_id)
        from (select max(sign_in_id) as sign_in_id from gone) last where last.sign_in_id is not null
    )
    select (select count(*) from gone) as removed, (select count(*) from looked_at) as looked_at,
           (select coalesce(max(sign_in_id), $2) from looked_at) as last
"""


@dataclass(slots=True)
class SignInRetention:
    """One round: removes rows from before ``before``, ``at_once`` of them at most with each call.

    The log is written in the order of time, so that a batch without any such row is the last.
    """

    before: datetime
    at_once: int
    behind: int = 0

    async def remove(self, connection: Executor) -> tuple[int, bool]:
        """Remove the next rows that nothing waits for. Returns how many, and whether there may be more."""
        row = await connection.fetchrow(_REMOVE, self.before, self.behind, self.at_once)
        assert row is not None  # noqa: S101 - an aggregate has a row
        self.behind = row["last"]
        return row["removed"], row["removed"] > 0 and row["looked_at"] == self.at_once


async def was_removed(executor: Executor, sign_in_id: int) -> bool:
    """Tell whether a sign-in with this id is in nobody's log any more: it was removed, or taken back when written."""
    return bool(
        await executor.fetchval(
            "select removed_through >= $1 and $1 > 0"
            " and not exists (select from identity.sign_ins where sign_in_id = $1) from identity.sign_in_removal",
            sign_in_id,
        )
    )
