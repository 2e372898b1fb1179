"""Who gets in, and how: SSO, its enforcement, bypasses, set-up links and recovery codes."""

from typing import Annotated

from pydantic import Field

from events.catalogue.event_data import EventData, Identifier, Instant, Reason, Sha256

CONFIRM_MINUTES_MINIMUM = 5
CONFIRM_MINUTES_MAXIMUM = 7 * 24 * 60


class SsoEnabled(EventData):
    """Members may sign in by SSO."""


class SsoDisabled(EventData):
    """Nobody signs in by SSO."""

    reason: Reason | None = None


class EnforcementEnabled(EventData):
    """Members must sign in by SSO. With ``confirm_by`` it lapses unless somebody has done so by then."""

    confirm_within: Annotated[int, Field(ge=CONFIRM_MINUTES_MINIMUM, le=CONFIRM_MINUTES_MAXIMUM)] | None = None
    confirm_by: Instant | None = None


class EnforcementConfirmed(EventData):
    """Somebody has signed in by SSO since enforcement began."""

    member_id: Identifier | None = None


class EnforcementDisabled(EventData):
    """All sign-in methods work again."""

    reason: Reason | None = None


class EnforcementLapsed(EventData):
    """Nobody confirmed in time, and the system lifted the enforcement that this event began."""

    lifted_event_id: Identifier


class BypassGranted(EventData):
    """One member may sign in by magic link until ``expires_at`` although SSO is required."""

    member_id: Identifier
    expires_at: Instant
    reason: Reason


class BypassRevoked(EventData):
    """The member's bypass ends now."""

    member_id: Identifier


class SetupLinkIssued(EventData):
    """Whoever holds the link may set the connection up. ``token_hash`` is the SHA-256 of what the link carries."""

    link_id: Identifier
    token_hash: Sha256
    expires_at: Instant


class SetupLinkRevoked(EventData):
    """The link, and what it was exchanged for, opens nothing any more."""

    link_id: Identifier


class SetupLinkUsed(EventData):
    """The link was exchanged for a session in one browser, and cannot be exchanged again."""

    link_id: Identifier


class RecoveryCodesIssued(EventData):
    """An owner holds these codes, known by their keyed digests; their earlier ones are void."""

    member_id: Identifier
    code_hashes: Annotated[list[Sha256], Field(min_length=1, max_length=16)]


class RecoveryCodeUsed(EventData):
    """One code was spent."""

    member_id: Identifier
    code_hash: Sha256


class RecoveryCodesRevoked(EventData):
    """The codes that the owner held are void."""

    member_id: Identifier
