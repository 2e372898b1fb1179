"""Commands about who gets in, and how: SSO, enforcement, bypasses, set-up links, recovery codes."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from events.catalogue.access import CONFIRM_MINUTES_MAXIMUM, CONFIRM_MINUTES_MINIMUM
from events.catalogue.event_data import Identifier, Reason, Sha256
from events.commands.command import Command, EmailText, Moment

BYPASS_HOURS_MAXIMUM = 72
SETUP_LINK_HOURS_MAXIMUM = 7 * 24


class EnableSso(Command):
    """Let members sign in by SSO."""

    emits: ClassVar[str] = "SsoEnabled"


class DisableSso(Command):
    """Let nobody sign in by SSO."""

    emits: ClassVar[str] = "SsoDisabled"

    reason: Reason | None = None


class EnableEnforcement(Command):
    """Require SSO. ``confirm_within`` (minutes): lift it again unless somebody signs in by SSO in that time."""

    emits: ClassVar[str] = "EnforcementEnabled"

    confirm_within: Annotated[int, Field(ge=CONFIRM_MINUTES_MINIMUM, le=CONFIRM_MINUTES_MAXIMUM)] | None = None


class ConfirmEnforcement(Command):
    """Record that this member has signed in by SSO since enforcement began."""

    emits: ClassVar[str] = "EnforcementConfirmed"

    member_id: Identifier | None = None


class DisableEnforcement(Command):
    """Let all sign-in methods work again."""

    emits: ClassVar[str] = "EnforcementDisabled"

    reason: Reason | None = None


class LapseEnforcement(Command):
    """Lift an enforcement that nobody confirmed in time. ``event_id`` is the event that began it."""

    emits: ClassVar[str] = "EnforcementLapsed"

    event_id: Identifier


class GrantBypass(Command):
    """Let one active member in by magic link until ``expires_at`` or for so many ``hours``, 72 at most."""

    emits: ClassVar[str] = "BypassGranted"

    email: EmailText
    hours: Annotated[int, Field(ge=1, le=BYPASS_HOURS_MAXIMUM)] | None = None
    expires_at: Moment | None = None
    reason: Reason | None = None

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if (self.hours is None) == (self.expires_at is None):
            raise ValueError("give either hours (1 to 72) or expires_at")
        return self


class RevokeBypass(Command):
    """End a member's bypass."""

    emits: ClassVar[str] = "BypassRevoked"

    email: EmailText


class IssueSetupLink(Command):
    """Let whoever holds the link set the connection up, for so many ``hours``."""

    emits: ClassVar[str] = "SetupLinkIssued"

    link_id: Identifier
    token_hash: Sha256
    hours: Annotated[int, Field(ge=1, le=SETUP_LINK_HOURS_MAXIMUM)] = 72


class RevokeSetupLink(Command):
    """Make the link, and what it was exchanged for, open nothing."""

    emits: ClassVar[str] = "SetupLinkRevoked"

    link_id: Identifier


class UseSetupLink(Command):
    """Exchange the link for a session in one browser."""

    emits: ClassVar[str] = "SetupLinkUsed"

    link_id: Identifier


class IssueRecoveryCodes(Command):
    """Give an owner codes for the day when the provider is gone; earlier ones are void."""

    emits: ClassVar[str] = "RecoveryCodesIssued"

    member_id: Identifier
    code_hashes: Annotated[list[Sha256], Field(min_length=1, max_length=16)]


class UseRecoveryCode(Command):
    """Spend one code."""

    emits: ClassVar[str] = "RecoveryCodeUsed"

    member_id: Identifier
    code_hash: Sha256


class RevokeRecoveryCodes(Command):
    """Make the codes that an owner holds void."""

    emits: ClassVar[str] = "RecoveryCodesRevoked"

    member_id: Identifier
