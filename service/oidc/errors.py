"""Why a login ended at the provider or at what it sent."""

from collections.abc import Mapping
from typing import Final, Literal, Self

from service.oidc.okta import OKTA, Setting

Reason = Literal[
    "provider_denied",
    "provider_error",
    "provider_misconfigured",
    "provider_unreachable",
    "code_rejected",
    "id_token_invalid",
    "userinfo_invalid",
    "email_missing",
    "email_unverified",
    "issuer_mismatch",
]

LONGEST_SHOWN: Final = 200


class OidcError(Exception):
    """The provider did not prove who it is. Carries no token, code or secret, so it can be logged and shown to support.

    Attributes:
        reason: the code in the sign-in log and on the person's page.
        detail: a stable slug that names the precise cause.
        explanation: a sentence for support or the provider's administrator, true of any provider.
        at_okta: what it means if the provider is Okta, and what to do there; empty where there is nothing to add.
        elsewhere: the same if the provider is another one.
        field: the setting to change, in Okta's words; None when no single one is at fault.
        retry_after: seconds until the provider wants to be asked again, where it said so.
        okta_request_id: what Okta's support asks for; empty where the answer carried none.
        checks: what was checked up to here, each with its result.
    """

    def __init__(
        self,
        reason: Reason,
        detail: str,
        explanation: str,
        *,
        field: Setting | None = None,
        at_okta: str = "",
        retry_after: int | None = None,
    ) -> None:
        super().__init__(reason, detail)
        self.reason: Reason = reason
        self.detail = detail
        self.explanation = explanation
        self.at_okta = at_okta
        self.field = field
        self.retry_after = retry_after
        self.elsewhere = ""
        self.okta_request_id = ""
        self.checks: Mapping[str, str] = {}

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"

    def again(self) -> Self:
        """Return an equal error without this one's traceback, for the next one who asks for the same."""
        return type(self)(
            self.reason,
            self.detail,
            self.explanation,
            field=self.field,
            at_okta=self.at_okta,
            retry_after=self.retry_after,
        )

    def explained(self, provider_kind: str) -> str:
        """Return the explanation for whoever runs a provider of this kind (``okta`` or ``oidc``)."""
        told = [self.explanation]
        if provider_kind == OKTA:
            told += [self.at_okta] if self.at_okta else []
            told += [f"Okta's request id is {self.okta_request_id}."] if self.okta_request_id else []
        else:
            told += [self.elsewhere] if self.elsewhere else []
        return " ".join(told)

    def setting(self, provider_kind: str) -> str | None:
        """Return the setting to change, as a provider of this kind calls it."""
        return None if self.field is None else self.field.at(provider_kind)


def shown(text: str) -> str:
    """Return text from outside as it may stand in an explanation: printable characters only, and not many."""
    kept = "".join(character if character.isprintable() else "�" for character in text[:LONGEST_SHOWN])
    return kept if len(text) <= LONGEST_SHOWN else f"{kept}…"
