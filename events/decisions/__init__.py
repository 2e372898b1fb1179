"""Decisions: a state, a command and the facts give events or a refusal. Pure; nothing is read or written here."""

from events.decisions.decide import decide
from events.decisions.facts import (
    Facts,
    InvitationFact,
    MemberFact,
    ResolvedCredentials,
    Rules,
    SsoLink,
)
from events.decisions.readiness import SENTENCES, Affected, Readiness, readiness

__all__ = [
    "SENTENCES",
    "Affected",
    "Facts",
    "InvitationFact",
    "MemberFact",
    "Readiness",
    "ResolvedCredentials",
    "Rules",
    "SsoLink",
    "decide",
    "readiness",
]
