"""The click on a mailed invitation, noted in the browser that made it until the sign-in by SSO that it leads to.

It shows that whoever signs in there reads the invited mailbox. Without it nobody becomes owner or admin, whatever
address the workspace's provider says they have.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import orjson

from service.cookiebox import CookieBox
from service.identity.people import Evidence, Known

LIFETIME: Final = timedelta(minutes=30)
"""As long as an attempt: the click is for the sign-in that it begins."""
_PURPOSE: Final = "invitation click"


def seal_click(box: CookieBox, invitation_id: UUID, now: datetime) -> str:
    """Return the note of a click now."""
    return box.seal(_PURPOSE, orjson.dumps((str(invitation_id), (now + LIFETIME).timestamp())))


def read_click(box: CookieBox, note: str | None, now: datetime) -> UUID | None:
    """Return the invitation that was clicked in this browser, ``None`` when none was, or too long ago."""
    content = None if note is None else box.open(_PURPOSE, note)
    if content is None:
        return None
    invitation_id, ends_at = orjson.loads(content)
    return UUID(invitation_id) if now < datetime.fromtimestamp(ends_at, UTC) else None


def with_click(known: Known, clicked: UUID | None) -> Known:
    """Return what is known of a person, with the click as evidence if it was on the invitation of their address."""
    invitation = known.invitation
    if clicked is None or invitation is None or invitation.invitation_id != clicked:
        return known
    return replace(known, evidence=Evidence(clicked, "mailed_link"))
