"""How a sign-in ends."""

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from service.identity.session_values import NewSession

Status = Literal["signed_in", "refused", "confirm_link", "confirm_switch", "tested"]
How = Literal["known", "linked", "invited", "jit"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one sign-in; its row in the log is written.

    ``signed_in``: ``session`` is open, its cookie has to go out. ``refused``: ``reason`` says why. ``confirm_link``: a
    mail with a link was sent to the owner or admin that the address belongs to. ``confirm_switch``: somebody else is
    signed in here; nothing was written but the log, and a confirming POST runs the sign-in again. ``tested``: the
    credentials work and the policy would admit the person; nothing was written but the log.
    """

    status: Status
    reason: str
    sign_in_id: int
    detail: str | None = None
    session: NewSession | None = None
    member_id: UUID | None = None
    how: How | None = None
    email: str | None = None
    checks: dict[str, str] = field(default_factory=dict)
    workspace: str | None = None
    """The one that a refusal is about, where the method did not begin at one."""
