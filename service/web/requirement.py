"""Single sign-on is required: since when, by whom, and for how long; and what an owner enters to require it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from events.catalogue.access import CONFIRM_MINUTES_MAXIMUM, CONFIRM_MINUTES_MINIMUM
from events.workspace import Workspace
from service.db import Pool

LONGEST_REASON: Final = 1000
USUAL_MINUTES: Final = 60
"""What the form offers: long enough to sign in once, short enough to wait for if that fails."""

_BEGUN: Final = """
    select e.recorded_at, e.body -> 'actor' ->> 'type' as actor_type, e.body -> 'actor' ->> 'id' as actor_id,
           e.body ->> 'reason' as reason, m.email
    from ledger.events e
    left join identity.members m on m.workspace = e.stream_id and m.member_id::text = e.body -> 'actor' ->> 'id'
    where e.event_id = $1::text::uuid and e.stream_id = $2
"""


@dataclass(frozen=True, slots=True)
class Requirement:
    """An enforcement in force.

    Attributes:
        since: when it began.
        by: an owner's address; empty for one who is erased; ``None`` for support.
        by_you: whether it was who looks at it.
        reason: why, if a reason was given.
        confirmed: somebody has signed in with single sign-on since.
        lifts_at: when it is lifted unless somebody does; ``None`` where it stays.
    """

    since: datetime
    by: str | None
    by_you: bool
    reason: str | None
    confirmed: bool
    lifts_at: datetime | None


async def find_requirement(pool: Pool, workspace: Workspace, you: str) -> Requirement | None:
    """Return how it came that the workspace requires single sign-on; ``None`` where it does not."""
    enforcement = workspace.enforcement
    if enforcement is None:
        return None
    row = await pool.fetchrow(_BEGUN, enforcement.event_id, workspace.slug)
    if row is None:
        return None
    by_member = row["actor_type"] == "member"
    return Requirement(
        since=row["recorded_at"],
        by=(row["email"] or "") if by_member else None,
        by_you=by_member and row["actor_id"] == you,
        reason=row["reason"],
        confirmed=enforcement.confirmed,
        lifts_at=None if enforcement.confirmed else enforcement.confirm_by,
    )


def read_reason(typed: str) -> str | None:
    """Return the reason that was entered, if one was.

    Raises:
        ValueError: with a sentence for whoever entered it.
    """
    reason = typed.strip()
    if len(reason) > LONGEST_REASON:
        message = f"A reason has at most {LONGEST_REASON:,} characters: shorten it."
        raise ValueError(message)
    return reason or None


def read_minutes(typed: str) -> dict[str, Any]:
    """Return the data of the event, by the minutes that were entered; without any, nothing lifts it by itself.

    Raises:
        ValueError: with a sentence for whoever entered them.
    """
    text = typed.strip()
    if not text:
        return {}
    minutes = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(CONFIRM_MINUTES_MAXIMUM)) else 0
    if not CONFIRM_MINUTES_MINIMUM <= minutes <= CONFIRM_MINUTES_MAXIMUM:
        message = (
            f"Enter whole minutes from {CONFIRM_MINUTES_MINIMUM} to {CONFIRM_MINUTES_MAXIMUM:,} (seven days);"
            " or nothing, and it stays until somebody lifts it."
        )
        raise ValueError(message)
    return {"confirm_within": minutes}
