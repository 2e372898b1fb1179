"""Holding the names that are kept against the events that they are kept for."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from events.catalogue.system import SYSTEM_STREAM

if TYPE_CHECKING:
    from events.names import Names
    from events.store import Pool

PROBLEMS_MAXIMUM = 100
READ_TIMEOUT_S = 3600.0

_NAMED = """
    select found[1] as name_id, count(distinct position) as events
    from ledger.events, regexp_matches(canonical, '(~[A-Za-z0-9_-]{43})(?![A-Za-z0-9_-])', 'g') found
    where position('~' in canonical) > 0
    group by 1
"""
_SHREDDED = """
    select body -> 'data' ->> 'name_id' as name_id, position from ledger.events
    where stream_id = $1 and type = 'NameShredded' order by position
"""


@dataclass(frozen=True, slots=True)
class NameProblem:
    """What is wrong with what is kept of a name."""

    name_id: str
    problem: str


async def count_named(pool: "Pool") -> dict[str, int]:
    """Return how many events hold each id of a name, by id."""
    return {row["name_id"]: row["events"] for row in await pool.fetch(_NAMED, timeout=READ_TIMEOUT_S)}


async def shredded_in_log(source: "Pool") -> dict[str, int]:
    """Return the ids that the log tells to be forgotten, each with the position of the first event that does."""
    found: dict[str, int] = {}
    for row in await source.fetch(_SHREDDED, SYSTEM_STREAM):
        found.setdefault(row["name_id"], row["position"])
    return found


async def check_names(pool: "Pool", names: "Names") -> list[NameProblem]:
    """Return the first hundred things that are wrong with names.

    A name that is not the one its id stands for; one that was forgotten, as the log tells, and is there; and ids in
    events of which nothing is kept.
    """
    kept = {one.id: one for one in await names.everybody()}
    found = [NameProblem(one.id, str(one.problem)) for one in kept.values() if one.problem is not None]
    for id_, position in (await shredded_in_log(pool)).items():
        if id_ in kept and kept[id_].shredded_at is None:
            problem = (
                f"It was forgotten at position {position}, and the name is there. Run: keyledger person forget {id_}"
            )
            found.append(NameProblem(id_, problem))
    missing = (await count_named(pool)).keys() - kept.keys()
    found += [NameProblem(id_, "Events hold it, and nothing is kept of it.") for id_ in sorted(missing)]
    return found[:PROBLEMS_MAXIMUM]
