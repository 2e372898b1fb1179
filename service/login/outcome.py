"""How a login attempt can end before or at the callback."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from service.oidc.errors import OidcError


@dataclass(frozen=True, slots=True)
class Refused:
    """It ended without a sign-in.

    ``reason`` is the code in the sign-in log and on the page, ``detail`` a stable slug that tells cases apart for
    support. ``okta_field`` names the setting in Okta to change, ``explanation`` is a sentence for whoever changes it.
    ``target`` is where the person wanted to go, kept for a fresh start. ``spent`` says that the attempt is used up, so
    that its cookie can go. ``tested`` is the id of the credentials, where it was a test of them. ``retry_after`` is in
    how many seconds the provider wants to be asked again, where it said so.
    """

    reason: str
    detail: str | None = None
    okta_field: str | None = None
    explanation: str | None = None
    email: str | None = None
    target: str | None = None
    spent: bool = False
    tested: str | None = None
    retry_after: int | None = None
    checks: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, error: OidcError, provider_kind: str, target: str | None = None, *, spent: bool = False) -> Self:
        """Return the refusal that the relying party's error comes to, in the words of this kind of provider."""
        return cls(
            error.reason,
            error.detail,
            error.setting(provider_kind),
            error.explained(provider_kind),
            target=target,
            spent=spent,
            retry_after=error.retry_after,
            checks=error.checks,
        )
