"""What one page says, and the words that follow the kind of provider a workspace signs in at."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from service.oidc.okta import OKTA

Turn = Literal["you", "administrator", "support"]


@dataclass(frozen=True, slots=True)
class Notice:
    """One page's words. ``happened`` and ``advice`` are whole sentences; ``action`` labels the way to start again.

    What differs between an Okta org and another provider stands in braces: see :data:`WORDS`.
    """

    status: int
    turn: Turn
    title: str
    happened: str
    advice: str
    action: str = "Start again"

    def at(self, provider_kind: str | None) -> "Notice":
        """Return the notice in the words of this kind of provider; None where the kind is not known."""
        words = words_of(provider_kind)
        return replace(
            self,
            title=self.title.format_map(words),
            happened=self.happened.format_map(words),
            advice=self.advice.format_map(words),
        )


WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "okta": {
        "Provider": "Okta",
        "provider": "Okta",
        "another": "another Okta",
        "companys": "your company’s Okta",
        "administrator": "Okta administrator",
        "account": "Okta account",
        "profile": "Okta profile",
        "sees_cause": "Okta’s System Log shows the cause",
        "domain": "Okta domain",
        "status": "Okta’s status and domain",
        "turn": "Your Okta administrator’s turn",
        "for_administrator": "For the Okta administrator",
        "setting": "Setting in Okta",
    },
    "oidc": {
        "Provider": "Your identity provider",
        "provider": "your identity provider",
        "another": "another identity provider",
        "companys": "your company’s identity provider",
        "administrator": "identity provider’s administrator",
        "account": "account at the identity provider",
        "profile": "profile at the identity provider",
        "sees_cause": "its log shows the cause",
        "domain": "issuer",
        "status": "its status and address",
        "turn": "Your administrator’s turn",
        "for_administrator": "For whoever runs the identity provider",
        "setting": "Setting there",
    },
}
"""The words that stand for those in braces, by the connection's ``provider_kind``."""


def words_of(provider_kind: str | None) -> Mapping[str, str]:
    """Return the words for a kind of provider. Where it is not known, those that are true of each."""
    return WORDS["okta" if provider_kind == OKTA else "oidc"]


def whose_turn(turn: Turn, provider_kind: str | None) -> str:
    """Return the line that says who has to act."""
    told = {"you": "Your turn", "administrator": words_of(provider_kind)["turn"], "support": "Support’s turn"}
    return told[turn]
