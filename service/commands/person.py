"""One person under one configuration: what the policy would come to, as far as the tables tell."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from pydantic import SecretStr

from events.workspace import Workspace
from service.identity.people import Known, KnownInvitation, KnownMember, UserMethod
from service.identity.policy import may_sign_in, may_sign_in_by_sso
from service.identity.verdicts import Admit, Checks, ConfirmLink, Consume, Create, Link, Refuse, Verdict

Outcome = Literal["known", "linked", "invited", "created", "confirm_link", "refused", "uncertain"]

_OUTCOMES: Final[dict[type[Verdict], Outcome]] = {
    Admit: "known",
    Link: "linked",
    Consume: "invited",
    Create: "created",
    ConfirmLink: "confirm_link",
    Refuse: "refused",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What the policy comes to, and the rule that decided: the last check, and the reason of a refusal.

    ``admitted`` is ``None`` where it hangs on what only the provider knows. ``role`` is that of somebody created.
    """

    admitted: bool | None
    outcome: Outcome
    reason: str | None = None
    detail: str | None = None
    check: tuple[str, str] | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A person as the tables know them.

    ``member`` is whom their account belongs to, with the issuers and scopes that it is linked under (``links``);
    ``by_email`` is whose address it is. ``verified``: what the provider says of the address, ``None`` if nobody knows.
    """

    email: str
    links: tuple[tuple[str, str], ...] = ()
    member: KnownMember | None = None
    by_email: KnownMember | None = None
    by_email_links: tuple[tuple[str, str], ...] | None = None
    invitation: KnownInvitation | None = None
    verified: bool | None = None
    erased: bool = False

    def known_under(self, issuer: str, scope: str) -> Known:
        """Return what the tables know of the person who comes by this issuer."""
        here = (issuer, scope)
        links = self.links if self.by_email_links is None else self.by_email_links
        by_email = None
        if self.by_email is not None:
            before = any(one != here for one in links)
            by_email = replace(self.by_email, linked_here=here in links, linked_before=before)
        return Known(
            by_identity=self.member if here in self.links else None,
            by_email=by_email,
            invitation=self.invitation,
            erased=self.erased,
        )


@dataclass(frozen=True, slots=True)
class _Comes:
    """The person at the end of a round trip through a provider."""

    issuer: str
    subject_scope: str
    email: str
    email_verified_claim: object
    subject: str = ""
    name: str | None = None
    sid: str | None = None
    id_token: SecretStr | None = None


def find_by_sso(connection: Workspace, seen: Seen) -> Finding:
    """Judge a sign-in that begins and ends under this configuration's own credentials.

    Where nobody knows whether the address is verified and somebody would be refused in any case, the rule is named that
    refuses them in any case.
    """
    credentials = connection.credentials
    issuer, scope = ("", "") if credentials is None else (credentials.issuer, credentials.subject_scope)
    credentials_id = "" if credentials is None else credentials.credentials_id
    known = seen.known_under(issuer, scope)

    def judged(verified: bool) -> Finding:
        person = _Comes(issuer, scope, seen.email, verified)
        judgement = may_sign_in_by_sso(connection, credentials_id, person, known)
        return _finding(judgement.verdict, judgement.checks)

    if seen.verified is not None:
        return judged(seen.verified)
    found = judged(True)
    if found == judged(False) or not found.admitted:
        return found
    return Finding(None, "uncertain", "email_unverified", None, ("email_verified", "unknown"))


def find_by_user_method(method: UserMethod, connection: Workspace, seen: Seen, now: datetime) -> Finding:
    """Judge a sign-in by a method that no workspace's connection has a part in."""
    known = Known(by_identity=seen.member or seen.by_email, invitation=seen.invitation)
    return _finding(may_sign_in(method, connection, known, now), {})


def _finding(verdict: Verdict, checks: Checks) -> Finding:
    outcome, last = _OUTCOMES[type(verdict)], list(checks.items())[-1:]
    check = last[0] if last else None
    if isinstance(verdict, Refuse):
        return Finding(False, outcome, verdict.reason, verdict.detail, check)
    return Finding(True, outcome, check=check, role=verdict.role if isinstance(verdict, Create) else None)
