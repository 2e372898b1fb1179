"""Recovery: an owner's codes for the day when the provider is gone. Each use takes a code and a click in a mail.

A code is known by a keyed digest in the workspace's history. Asking costs the same whoever asks for whom, right or
wrong: a request and a mail are kept, and whether the mail is wanted is looked at when it would go out.
"""

import hashlib
import secrets
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from events.commands.access import IssueRecoveryCodes, UseRecoveryCode
from events.domains import Address
from events.envelope import Actor, Context
from events.refusals import Refusal
from service.cookiebox import CookieBox
from service.db import transaction
from service.identity.change import Change, change_workspace
from service.identity.limited_sessions import LimitedSession, begin_limited_session
from service.identity.outbox import Mail, enqueue
from service.identity.recovery_request import Recovery, recovery_of
from service.identity.resources import IdentityResources
from service.identity.sign_in_log import SignIn, record

CODES: Final = 10
MAIL_LASTS: Final = timedelta(minutes=15)
SESSION_LASTS: Final = timedelta(minutes=15)
MOST_AT_ONCE: Final = 5
_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_LENGTH: Final = 16
_GROUP: Final = 4
_PURPOSE: Final = "recovery code"


def code_digests(box: CookieBox, code: str) -> list[str]:
    """Return by what a code is known, under each key, the newest first. How it was typed makes no difference."""
    plain = "".join(character for character in code.upper() if character in _ALPHABET)
    return [one.hex() for one in box.digests(_PURPOSE, plain.encode())]


def new_codes() -> list[str]:
    """Return fresh codes of 80 random bits each, in groups that can be read out."""
    drawn = ("".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)) for _ in range(CODES))
    return ["-".join(one[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP)) for one in drawn]


async def issue_codes(resources: IdentityResources, slug: str, member_id: UUID, request_id: str) -> list[str]:
    """Give an owner new codes; their earlier ones are void. They are shown once: nothing here can tell them again.

    Raises:
        Refusal: ``forbidden`` when the member is no active owner any more.
    """
    codes = new_codes()
    hashes = [code_digests(resources.box, one)[0] for one in codes]
    command = IssueRecoveryCodes(member_id=str(member_id), code_hashes=hashes)
    context = Context(Actor("member", str(member_id)), correlation_id=request_id)

    async def work(change: Change) -> None:
        await change.decide(command)

    await change_workspace(resources, slug, context, work)
    return codes


async def request_recovery(resources: IdentityResources, slug: str, address: Address, code: str) -> bool:
    """Keep a request and its mail. ``False`` when there were too many with this address and code lately.

    Requests with other codes do not count: whoever knows an owner's address could keep the owner from recovering.
    """
    now, token, digests = resources.clock(), secrets.token_urlsafe(32), code_digests(resources.box, code)
    async with transaction(resources.pool) as connection:
        await connection.execute("select pg_advisory_xact_lock(hashtextextended('recovery ' || $1, 0))", address.key)
        made = await connection.fetchval(
            "select count(*) from identity.recovery_requests where email_key = $1 and created_at > $2"
            " and code_hashes && $3::varchar[]",
            address.key,
            now - MAIL_LASTS,
            digests,
        )
        if made >= MOST_AT_ONCE:
            return False
        await connection.execute(
            "insert into identity.recovery_requests (token_hash, workspace, email_key, code_hashes, created_at,"
            " expires_at) values ($1, $2, $3, $4, $5, $6)",
            _token_hash(token),
            slug,
            address.key,
            digests,
            now,
            now + MAIL_LASTS,
        )
        link = f"{resources.public_url}/recovery/{token}"
        values: dict[str, str | int | list[str] | None] = {
            "link": link,
            "workspace": slug,
            "minutes": int(MAIL_LASTS.total_seconds() // 60),
            "request": _token_hash(token).hex(),
        }
        await enqueue(
            connection, resources.box, Mail("recovery", address.display, values, useless_after=now + MAIL_LASTS), now
        )
    return True


async def find_recovery(resources: IdentityResources, token: str) -> Recovery | None:
    """Return the request of a mailed link, ``None`` when it ended, was used, or its code is worth nothing."""
    return await recovery_of(resources.pool, _token_hash(token), resources.clock())


async def use_recovery(resources: IdentityResources, token: str, request_id: str) -> tuple[LimitedSession, str] | None:
    """Spend the code and begin the owner's recovery session. ``None`` as ``find_recovery``.

    Of all who try with one code, one gets a session.
    """
    found = await find_recovery(resources, token)
    if found is None:
        return None
    context = Context(Actor("member", str(found.member_id)), reason="a recovery code", correlation_id=request_id)
    try:
        return await change_workspace(resources, found.workspace, context, partial(_spend, found))
    except Refusal:
        return None


async def _spend(found: Recovery, change: Change) -> tuple[LimitedSession, str]:
    await change.decide(UseRecoveryCode(member_id=str(found.member_id), code_hash=found.code_hash))
    await change.connection.execute("delete from identity.recovery_requests where token_hash = $1", found.token_hash)
    await record(
        change.connection,
        SignIn(
            at=change.now,
            workspace=found.workspace,
            method="recovery",
            reason="ok",
            request_id=change.context.correlation_id or "",
            initiated_by="app",
            config_version=change.workspace.version,
            member_id=found.member_id,
            detail="opens no workspace",
        ),
    )
    session = LimitedSession("recovery", found.workspace, found.member_id, change.now + SESSION_LASTS)
    return session, await begin_limited_session(change.connection, session, change.now)


def _token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
