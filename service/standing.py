"""What stands in the tables although the log says that it was destroyed: deleted, erased or revoked.

As after a restore of older tables, or of a part of them, beside the log. What the log does not know, since it is as old
as they are, shows nowhere; ``keyledger restored`` and its list are for that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from events.catalogue.system import SYSTEM_STREAM
from events.verify import READ_TIMEOUT_S

if TYPE_CHECKING:
    from service.db import Pool

MAXIMUM: Final = 100

# Event and deletion are of one transaction, and each statement sees one snapshot: what is found was not just underway.
# One event tells of it, the first; `restored` deletes again and records nothing.
_SECRETS: Final = """
    select told.stream_id, told.position, s.count as secrets, k.count as keys
    from (
        select stream_id, min(position) as position from ledger.events
        where type = 'SecretsShredded' and ($1::text is null or stream_id = $1) group by stream_id
    ) told
    cross join lateral (select count(*) from ledger.secrets x where x.stream_id = told.stream_id) s
    cross join lateral (select count(*) from ledger.data_keys x where x.stream_id = told.stream_id) k
    where s.count > 0 or k.count > 0 order by told.position limit $2
"""
_MEMBERS: Final = """
    select m.workspace as stream_id, m.member_id::text as member_id, min(e.position) as position
    from ledger.events e
    join identity.members m on m.workspace = e.stream_id and m.member_id::text = e.body -> 'data' ->> 'member_id'
    where e.type = 'MemberErased' and ($1::text is null or e.stream_id = $1) and m.status <> 'erased'
    group by m.workspace, m.member_id order by min(e.position) limit $2
"""
_NAMED_TOKENS: Final = """
    select t.name_id, min(e.position) as position
    from ledger.events e join identity.api_tokens t on t.name_id = e.body -> 'data' ->> 'name_id'
    where e.stream_id = $1 and e.type = 'NameShredded' and t.name <> t.name_id
    group by t.name_id order by min(e.position) limit $2
"""
# Whose holder was forgotten is told by that alone: a name that nobody may know any more is not printed.
_REVOKED_TOKENS: Final = """
    select t.name, min(e.position) as position
    from ledger.events e join identity.api_tokens t on t.token_id::text = e.body -> 'data' ->> 'token_id'
    where e.stream_id = $1 and e.type = 'ApiTokenRevoked' and t.revoked_at is null and not exists (
        select from ledger.events f
        where f.stream_id = $1 and f.type = 'NameShredded' and f.body -> 'data' ->> 'name_id' = t.name_id
    )
    group by t.name order by min(e.position) limit $2
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """Something that is there and should not be: of which kind and workspace, and since which event it should be gone.

    ``problem`` says what is there and which command ends it. ``workspace`` is None of what belongs to none.
    """

    kind: str
    workspace: str | None
    position: int
    problem: str


async def find_standing(pool: "Pool", slug: str | None = None) -> list[Standing]:
    """Return what stands although the log says that it was destroyed, a hundred of each kind at most.

    Args:
        pool: of the runtime role.
        slug: of one workspace; None for all, and for API tokens.
    """
    found = [
        *(await _of_workspaces(pool, "secrets", _SECRETS, slug)),
        *(await _of_workspaces(pool, "member", _MEMBERS, slug)),
    ]
    return found if slug is not None else [*found, *(await _tokens(pool))]


_PROBLEMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "secrets": (
            "Its secrets were shredded at position {position}, and {secrets} client secrets and {keys} data keys are"
            ' there. Run: keyledger secrets shred {stream_id} --reason "..."'
        ),
        "member": (
            "A member was removed at position {position}, and what is known of the person is there. Run: keyledger"
            ' member remove {stream_id} {member_id} --reason "..."'
        ),
    }
)


async def _of_workspaces(pool: "Pool", kind: str, statement: str, slug: str | None) -> list[Standing]:
    rows = await pool.fetch(statement, slug, MAXIMUM, timeout=READ_TIMEOUT_S)
    return [Standing(kind, row["stream_id"], row["position"], _PROBLEMS[kind].format(**row)) for row in rows]


async def _tokens(pool: "Pool") -> list[Standing]:
    named = await pool.fetch(_NAMED_TOKENS, SYSTEM_STREAM, MAXIMUM, timeout=READ_TIMEOUT_S)
    found = [
        Standing(
            "token",
            None,
            row["position"],
            f"A person was forgotten at position {row['position']}, and a token of theirs is there with the name. Run:"
            f' keyledger person forget {row["name_id"]} --reason "..."',
        )
        for row in named
    ]
    revoked = await pool.fetch(_REVOKED_TOKENS, SYSTEM_STREAM, MAXIMUM, timeout=READ_TIMEOUT_S)
    return found + [
        Standing(
            "token",
            None,
            row["position"],
            f"A token was revoked at position {row['position']}, and it is good. Run: keyledger token revoke"
            f" {row['name']}",
        )
        for row in revoked
    ]
