"""What a callback comes to, decided on one situation before anything is written."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from events.workspace import Workspace
from service.identity.known import Situation
from service.identity.people import Person
from service.identity.policy import (
    Admit,
    Checks,
    ConfirmLink,
    Judgement,
    Link,
    Refuse,
    judge_sign_in,
    may_sign_in_by_sso,
)
from service.identity.resources import BegunAttempt, RequestMeta

Kind = Literal["refuse", "switch", "test", "admit", "change"]


@dataclass(frozen=True, slots=True)
class Decision:
    """``kind`` says what is to be done.

    ``refuse``: log it. ``switch``: ask whether to sign in as another person than the session's. ``test``: the
    credentials work. ``admit``: a known member, nothing about them changes. ``change``: something about people changes,
    under the workspace's lock.
    """

    kind: Kind
    workspace: Workspace
    judgement: Judgement

    @property
    def refusal(self) -> Refuse | None:
        """The refusal, if it is one."""
        verdict = self.judgement.verdict
        return verdict if isinstance(verdict, Refuse) else None

    @property
    def checks(self) -> Checks:
        """Each check's result, in order."""
        return self.judgement.checks


def decide(situation: Situation, attempt: BegunAttempt, person: Person, meta: RequestMeta) -> Decision:
    """Decide about a proven person in this situation."""
    workspace = situation.workspace
    if meta.test:
        return _decide_test(situation, attempt, person)
    judgement = may_sign_in_by_sso(workspace, attempt.credentials_id, person, situation.known)
    verdict = judgement.verdict
    if isinstance(verdict, Refuse):
        return Decision("refuse", workspace, judgement)
    if _switches(meta, verdict.member.user_id if isinstance(verdict, Admit | Link) else None, verdict):
        return Decision("switch", workspace, judgement)
    unchanged = isinstance(verdict, Admit) and not verdict.address_changed
    return Decision("admit" if unchanged else "change", workspace, judgement)


def _switches(meta: RequestMeta, user_id: UUID | None, verdict: object) -> bool:
    # A link to be confirmed by mail opens no session, so that there is nothing to switch to yet.
    if meta.session is None or meta.switch_confirmed or isinstance(verdict, ConfirmLink):
        return False
    return meta.session.user_id != user_id


def _decide_test(situation: Situation, attempt: BegunAttempt, person: Person) -> Decision:
    """A test runs under the staged or the active credentials, whether or not SSO is on, and opens nothing."""
    workspace = situation.workspace.copy()
    candidates = [one for one in (workspace.staged, workspace.credentials) if one is not None]
    tested = next((one for one in candidates if one.credentials_id == attempt.credentials_id), None)
    if tested is None or workspace.closed:
        refused = Refuse("attempt_expired", "credentials_replaced")
        return Decision("refuse", workspace, Judgement(refused, None, {"connection": "failed"}))
    workspace.credentials = tested
    judgement = judge_sign_in(workspace, person, situation.known)
    return Decision("refuse" if isinstance(judgement.verdict, Refuse) else "test", situation.workspace, judgement)
