"""Admission: a proven person becomes a signed-in member, or is told why not, on committed state.

A known member costs one round trip: one statement holds all that was supposed against committed state, under the
workspace's lock, and writes the sign-in, the session and the times. Where anything is otherwise, one statement first
reads all that is judged. Whatever changes people runs in a transaction that locks the workspace's row first and judges
anew. A change that comes in between starts the whole judgement again; after a second one, the judgement is made under
the lock too, so that no stream of changes keeps anybody out.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
import orjson

from events.store import StoreBusy, VersionConflict
from events.workspace import Workspace
from service.db import transaction
from service.errors import Busy
from service.identity.addresses import read_address
from service.identity.authentication import Authentication
from service.identity.decision import Decision, decide
from service.identity.invitation_click import with_click
from service.identity.joining import Join, Joined
from service.identity.known import Situation, lock_workspace, read_situation
from service.identity.ledger import append, member_acts
from service.identity.link_request import request_link
from service.identity.logout_hint import seal_hint
from service.identity.names import display_name
from service.identity.outcome import Outcome, Status
from service.identity.people import Known, KnownMember, Person
from service.identity.policy import Admit, ConfirmLink, Consume, Judgement, Refuse
from service.identity.proof import record_proof
from service.identity.read_model import UnusableReadModel
from service.identity.relinking import CONFLICT, keep_conflict
from service.identity.resources import BegunAttempt, Connection, Executor, IdentityResources, RequestMeta
from service.identity.session_now import session_now
from service.identity.session_values import NewSession, open_session
from service.identity.session_writes import write_session
from service.identity.sign_in_log import SignIn, record

TRIES: Final = 6
UNLOCKED_TRIES: Final = 2
NOBODY: Final = UUID(int=0)

_ADMIT_KNOWN = (
    "select * from identity.admit_known("
    "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
)


async def admit(
    resources: IdentityResources,
    slug: str,
    attempt: BegunAttempt,
    person: Person,
    meta: RequestMeta,
    at_hand: Workspace | None = None,
) -> Outcome:
    """Judge a proven person and carry the judgement out. See :class:`Outcome` for how it can end.

    ``at_hand`` is the configuration that the caller has, however old: it spares a known member's sign-in a read.

    Raises:
        Busy: others kept changing the workspace; nothing was written.
    """
    sign_in = _SignIn(resources, slug, attempt, person, meta, resources.clock())
    for number in range(-1, TRIES):
        try:
            if number < 0:
                outcome, decision = await sign_in.suppose_known(at_hand)
            else:
                outcome, decision = await sign_in.attempt_once(locked=number >= UNLOCKED_TRIES)
        except (VersionConflict, asyncpg.UniqueViolationError):
            continue
        except StoreBusy:
            break
        if outcome is None:
            if decision is not None and decision.kind == "switch":
                session = await session_now(resources.pool, meta.session)
                sign_in = replace(sign_in, meta=replace(meta, session=session))
            continue
        if decision is not None and outcome.status in {"signed_in", "tested"}:
            await record_proof(resources, decision.workspace, attempt.credentials_id, outcome, meta.request_id)
        return outcome
    raise Busy


@dataclass(frozen=True, slots=True)
class _SignIn:
    resources: IdentityResources
    slug: str
    begun: BegunAttempt
    person: Person
    meta: RequestMeta
    now: datetime

    async def suppose_known(self, at_hand: Workspace | None) -> tuple[Outcome | None, Decision | None]:
        """Suppose that nothing is new: a member known by identity and address, and the configuration that is at hand.

        The rules are asked what follows from it, and the one statement that writes the sign-in holds all of it against
        committed state, under the workspace's lock. No outcome when anything is otherwise; nothing was written then.
        """
        address, live = read_address(self.person.email), self.meta.session
        if at_hand is None or address is None or self.meta.test or self.meta.clicked is not None:
            return None, None
        if at_hand.provider_logout:
            # What is kept for signing out at the provider is sealed for the member, who is to be known for that.
            return None, None
        member = KnownMember(
            NOBODY, NOBODY if live is None else live.user_id, "viewer", active=True, email=address.display
        )
        decision = decide(Situation(at_hand, Known(member, member)), self.begun, self.person, self.meta)
        if decision.kind != "admit":
            return None, None
        return await self._admit_known(self.resources.pool, decision, member), decision

    async def attempt_once(self, *, locked: bool) -> tuple[Outcome | None, Decision | None]:
        """Judge once and carry it out; no outcome when something changed in between."""
        pool = self.resources.pool
        if not locked:
            decision = await self._decide(pool)
            if isinstance(decision, Refuse):
                return await self._refuse(pool, decision), None
            if decision.kind != "change":
                return await self._carry_out(pool, decision), decision
        async with transaction(pool) as connection:
            await lock_workspace(connection, self.slug)
            anew = await self._decide(connection)
            if isinstance(anew, Refuse):
                return await self._refuse(connection, anew), None
            if anew.kind == "change":
                return await self._change(connection, anew), anew
            return await self._carry_out(connection, anew), anew

    async def _decide(self, connection: Executor) -> Decision | Refuse:
        try:
            situation: Situation | None = await read_situation(
                self.resources, connection, self.slug, self.person, self.meta.session, self.now
            )
        except UnusableReadModel:
            return Refuse("workspace_unavailable", "read_model_unusable")
        if situation is None:
            return Refuse("workspace_unavailable", "workspace_unknown")
        situation = replace(situation, known=with_click(situation.known, self.meta.clicked))
        return decide(situation, self.begun, self.person, self.meta)

    async def _carry_out(self, connection: Executor, decision: Decision) -> Outcome | None:
        verdict = decision.judgement.verdict
        if isinstance(verdict, Refuse):
            return await self._refuse(connection, verdict, decision)
        if decision.kind == "switch":
            if await session_now(connection, self.meta.session) != self.meta.session:
                # It has ended, or was given to the very person whom this would ask.
                return None
            return await self._end(connection, "confirm_switch", "switch_unconfirmed", decision)
        if decision.kind == "test":
            return await self._end(connection, "tested", "ok", decision, detail="test")
        if not isinstance(verdict, Admit):
            message = f"a decision to {decision.kind} with the verdict {type(verdict).__name__}"
            raise TypeError(message)
        return await self._admit_known(connection, decision, verdict.member)

    async def _admit_known(self, connection: Executor, decision: Decision, member: KnownMember) -> Outcome | None:
        """Admit a member, if all that the decision rests on holds; where ``member`` has no ids, whoever it is."""
        session = self._open_session(decision, member.member_id, member.user_id)
        row = await connection.fetchrow(
            _ADMIT_KNOWN,
            self.slug,
            decision.workspace.version,
            decision.workspace.head,
            self.person.issuer,
            self.person.subject_scope,
            self.person.subject,
            member.email,
            None if member.user_id == NOBODY else member.user_id,
            display_name(self.person.name),
            self.now,
            self.begun.kind,
            self.begun.credentials_id,
            orjson.dumps(decision.checks).decode(),
            self.meta.request_id,
            session.session_hash,
            session.replaces,
            session.data_json,
            session.expires_at,
        )
        if row is None:
            return None
        sign_in_id, member_id, user_id = row
        session = session.belonging_to(user_id, member_id)
        return Outcome("signed_in", "ok", sign_in_id, None, session, member_id, "known", member.email, decision.checks)

    async def _change(self, connection: Connection, decision: Decision) -> Outcome:
        judgement = decision.judgement
        verdict, address = judgement.verdict, judgement.address
        if isinstance(verdict, Refuse) or address is None:
            return await self._refuse(connection, Refuse("email_missing"), decision)
        if isinstance(verdict, ConfirmLink):
            await request_link(self.resources, connection, decision.workspace, self.person, verdict.target, self.now)
            return await self._end(connection, "confirm_link", "link_unconfirmed", decision)
        proven = isinstance(verdict, Consume) and verdict.invitation.invitation_id == self.meta.clicked
        join = Join(connection, decision.workspace, self.person, address, self.now, mailbox_proven=proven)
        joined = await join.carry_out(verdict)
        session = self._open_session(decision, joined.member_id, joined.user_id)
        await write_session(connection, session)
        outcome = await self._end(connection, "signed_in", "ok", decision, session=session, joined=joined)
        if joined.event is not None:
            context = member_acts(joined.member_id, self.meta.request_id)
            await append(self.resources, connection, decision.workspace, [joined.event], context)
        return outcome

    def _open_session(self, decision: Decision, member_id: UUID, user_id: UUID) -> NewSession:
        address = decision.judgement.address
        authentication = Authentication(
            method="sso",
            at=self.now.isoformat(),
            workspace=self.slug,
            credentials_id=self.begun.credentials_id,
            issuer=self.person.issuer,
            email=None if address is None else address.display,
            member_id=str(member_id),
            sid=self.person.sid,
            hint=self._logout_hint(decision.workspace, str(member_id)),
        )
        return open_session(self.meta.session, user_id, authentication, self.now, self.resources.limits)

    def _logout_hint(self, workspace: Workspace, member_id: str) -> str | None:
        if not workspace.provider_logout or workspace.credentials is None:
            return None
        return seal_hint(self.resources.box, self.person.id_token, workspace.credentials.client_id, member_id)

    async def _refuse(self, connection: Executor, refused: Refuse, decision: Decision | None = None) -> Outcome:
        return await self._end(connection, "refused", refused.reason, decision, detail=refused.detail)

    async def _end(
        self,
        connection: Executor,
        status: Status,
        reason: str,
        decision: Decision | None,
        *,
        detail: str | None = None,
        session: NewSession | None = None,
        joined: Joined | None = None,
    ) -> Outcome:
        checks = {} if decision is None else decision.checks
        member_id = joined.member_id if joined is not None else _member_of(decision)
        row = SignIn(
            at=self.now,
            workspace=self.slug,
            method="sso",
            reason=reason,
            request_id=self.meta.request_id,
            initiated_by="test" if self.meta.test else self.begun.kind,
            config_version=None if decision is None else decision.workspace.version,
            credentials_id=self.begun.credentials_id,
            member_id=member_id,
            email=self.person.email,
            checks=checks,
            detail=detail if joined is None else joined.how,
        )
        sign_in_id = await record(connection, row)
        if detail == CONFLICT and not self.meta.test:
            await keep_conflict(connection, self.slug, self.person, self.meta.request_id, self.now)
        how = None if joined is None else joined.how
        return Outcome(status, reason, sign_in_id, detail, session, member_id, how, self.person.email, checks)


def _member_of(decision: Decision | None) -> UUID | None:
    """The member whom a sign-in that opened nothing was about, as far as one was found."""
    judgement: Judgement | None = None if decision is None else decision.judgement
    member = getattr(judgement.verdict, "member", None) if judgement is not None else None
    return member.member_id if isinstance(member, KnownMember) else None
