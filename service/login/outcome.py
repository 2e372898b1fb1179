"""How a login attempt can end before or at the callback."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Refused:
    """It ended without a sign-in.

    ``reason`` is the code in the sign-in log and on the page, ``detail`` a stable slug that tells cases apart for
    support. ``okta_field`` names the setting in Okta to change, ``explanation`` is a sentence for whoever changes it.
    ``target`` is where the person wanted to go, kept for a fresh start. ``spent`` says that the attempt is used up, so
    that its cookie can go. ``recorded`` says that the sign-in log has its row already.
    """

    reason: str
    detail: str | None = None
    okta_field: str | None = None
    explanation: str | None = None
    email: str | None = None
    target: str | None = None
    spent: bool = False
    recorded: bool = False
    checks: dict[str, str] = field(default_factory=dict)
