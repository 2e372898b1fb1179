"""How many sign-ins a workspace had of each kind, by the day: those that the log has and those that were removed."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from service.identity.people import Method
from service.identity.resources import Executor

# In one statement, so that what is removed at this moment is counted on one side or the other.
_COUNT: Final = """
    select day, method, reason, nullif(initiated_by, '') as initiated_by, sum(times)::bigint as times
    from (
        select (s.at at time zone 'UTC')::date as day, s.method, coalesce(c.key, s.reason) as reason,
               coalesce(s.initiated_by, '') as initiated_by, coalesce(c.value::bigint, 1) as times
        from identity.sign_ins s left join lateral jsonb_each_text(s.counted) c on true
        where s.workspace = $1 and s.at >= $2 and s.at < $3
        union all
        select day, method, reason, initiated_by, times from identity.sign_in_counts
        where workspace = $1 and day between $4 and $5
    ) outcomes
    group by day, method, reason, outcomes.initiated_by
    order by day, method, reason, outcomes.initiated_by
"""


@dataclass(frozen=True, slots=True)
class SignInCount:
    """So many sign-ins of one kind on one day (UTC). ``initiated_by`` is ``None`` where nothing says who began them."""

    day: date
    method: Method
    reason: str
    initiated_by: str | None
    times: int


async def count_sign_ins(executor: Executor, slug: str, first: date, last: date) -> list[SignInCount]:
    """Return the counts of all days from ``first`` to ``last``, oldest first; what there was none of is left out."""
    begins, ends = (datetime.combine(day, time(), UTC) for day in (first, last))
    rows = await executor.fetch(_COUNT, slug, begins, ends + timedelta(days=1), first, last)
    return [SignInCount(**row) for row in rows]
