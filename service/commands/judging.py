"""Everybody judged by two configurations: all members by every way in, and lately seen people by the way they came.

Both are judged by the policy that sign-ins are judged by, on the same facts about people. Two things the tables do not
hold: which account somebody came with who was refused before that was looked at (the one linked to their address is
taken), and what the provider said of an address whose verification did not matter (both answers are tried).
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import asyncpg
import orjson

from events.workspace import Workspace
from service.commands.person import Finding, Seen, find_by_sso, find_by_user_method
from service.db import Connection
from service.identity.addresses import read_address
from service.identity.known import member_of
from service.identity.people import KnownInvitation
from service.identity.verdicts import RefusalReason

Way = Literal["sso", "google", "magic_link"]

WAYS: Final[tuple[Way, ...]] = ("sso", "google", "magic_link")
JUDGEABLE: Final = ("ok", *RefusalReason.__args__)  # type: ignore[attr-defined]  # the values of the Literal
LISTED: Final = 200
"""So many people are named in each list; the counts count all."""
AT_ONCE: Final = 1000

_MEMBERS: Final = """
    select m.member_id, m.user_id, m.role, m.status, m.email, m.email_key, m.websites,
           array_agg(i.issuer) filter (where i.issuer is not null) as issuers,
           array_agg(i.subject_scope) filter (where i.issuer is not null) as scopes
    from identity.members m left join identity.identities i using (member_id)
    where m.workspace = $1 and m.status <> 'erased' and (%s)
    group by m.member_id order by m.member_id limit $2
"""
_SIGN_INS: Final = """
    select sign_in_id, method, email, member_id, checks, reason from identity.sign_ins
    where workspace = $1 and email is not null and reason = any($2) and method = any($4)
      and initiated_by is distinct from 'test'
    order by sign_in_id desc limit $3
"""
_INVITATIONS: Final = """
    select distinct on (email_key) email_key, invitation_id, role, websites, status, expires_at, email,
           role = 'owner' and invited_by not like 'member:%' and exists (
               select from identity.members o
               where o.workspace = $1 and o.role = 'owner' and o.status = 'active'
           ) as outrun
    from identity.invitations where workspace = $1 and email_key = any($2) and status <> 'replaced'
    order by email_key, created_at desc
"""


@dataclass(frozen=True, slots=True)
class WayIn:
    """One way in, judged by both configurations."""

    method: Way
    before: Finding
    after: Finding

    @property
    def differs(self) -> bool:
        """Whether the two come to something else."""
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class Decided:
    """Somebody for whom something differs, and the ways that do; ``sign_in_id`` and ``reason`` are the log's."""

    email: str
    member_id: UUID | None
    role: str | None
    ways: Sequence[WayIn]
    sign_in_id: int | None = None
    reason: str | None = None


@dataclass(slots=True)
class Judgements:
    """What two configurations come to. A list names at most ``LISTED``; ``counts`` has how many each would have."""

    checked: int = 0
    newly_admitted: list[Decided] = field(default_factory=list)
    newly_refused: list[Decided] = field(default_factory=list)
    otherwise: list[Decided] = field(default_factory=list)
    uncertain: list[Decided] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def take(self, who: Decided, ways: Sequence[WayIn]) -> None:
        """Take in somebody, by all their ways in."""
        self.checked += 1
        if not who.ways:
            return
        name = _kind([one.before.admitted for one in ways], [one.after.admitted for one in ways])
        self.counts[name] = self.counts.get(name, 0) + 1
        named: list[Decided] = getattr(self, name)
        if len(named) < LISTED:
            named.append(who)


def _kind(before: Sequence[bool | None], after: Sequence[bool | None]) -> str:
    """Somebody is let in by any one way; what hangs on what only the provider knows may be either."""
    was, is_ = _any(before), _any(after)
    if was == is_:
        return "uncertain" if was is None else "otherwise"
    if was is None or is_ is None:
        return "uncertain"
    return "newly_admitted" if is_ else "newly_refused"


def _any(ways: Sequence[bool | None]) -> bool | None:
    return True if True in ways else None if None in ways else False


async def judge_members(connection: Connection, before: Workspace, after: Workspace, now: datetime) -> Judgements:
    """Judge every member who was not erased, by every way in."""
    made = Judgements()
    async for rows in _members(connection, before.slug):
        for row in rows:
            seen = Seen(row["email"], _links(row), member=member_of(row), by_email=member_of(row))
            ways = [_way(method, before, after, seen, now) for method in WAYS]
            differing = [one for one in ways if one.differs]
            made.take(Decided(row["email"], row["member_id"], row["role"], differing), ways)
        await asyncio.sleep(0)  # others have their turn between the pages
    return made


async def judge_sign_ins(
    connection: Connection, before: Workspace, after: Workspace, now: datetime, most: int
) -> Judgements:
    """Judge the people of the last ``most`` sign-ins that the policy decided, each once by each way they came."""
    made = Judgements()
    rows = _newest(await connection.fetch(_SIGN_INS, before.slug, list(JUDGEABLE), most, list(WAYS)))
    members, invitations = await _people_of(connection, before.slug, list(rows.values()), now)
    for (method, key, member_id), row in rows.items():
        by_email = members.get(key)
        seen = _seen(row, members.get(str(member_id)), by_email, invitations.get(key))
        way = _way(method, before, after, seen, now)
        role = None if seen.by_email is None else seen.by_email.role
        who = Decided(row["email"], member_id, role, [way] if way.differs else [], row["sign_in_id"], row["reason"])
        made.take(who, [way])
    return made


def _way(method: Way, before: Workspace, after: Workspace, seen: Seen, now: datetime) -> WayIn:
    if method == "sso":
        return WayIn(method, find_by_sso(before, seen), find_by_sso(after, seen))
    return WayIn(method, find_by_user_method(method, before, seen, now), find_by_user_method(method, after, seen, now))


def _newest(rows: Iterable[asyncpg.Record]) -> dict[tuple[Way, str, UUID | None], asyncpg.Record]:
    newest: dict[tuple[Way, str, UUID | None], asyncpg.Record] = {}
    for row in rows:
        address = read_address(row["email"])
        if address is not None:
            newest.setdefault((row["method"], address.key, row["member_id"]), row)
    return newest


def _seen(
    row: asyncpg.Record,
    member: asyncpg.Record | None,
    by_email: asyncpg.Record | None,
    invitation: KnownInvitation | None,
) -> Seen:
    checks: Mapping[str, Any] = orjson.loads(row["checks"])
    # Who was refused before their account was looked at came, as far as anybody knows, with the one of their address.
    account = member if member is not None else None if checks.get("link") == "conflict" else by_email
    return Seen(
        row["email"],
        () if account is None else _links(account),
        member=None if account is None else member_of(account),
        by_email=None if by_email is None else member_of(by_email),
        by_email_links=() if by_email is None else _links(by_email),
        invitation=None if by_email is not None or account is not None else invitation,
        verified={"ok": True, "passed": True, "failed": False}.get(str(checks.get("email_verified"))),
        erased=checks.get("just_in_time") == "suspended",
    )


async def _people_of(
    connection: Connection, slug: str, rows: Sequence[asyncpg.Record], now: datetime
) -> tuple[dict[str, asyncpg.Record], dict[str, KnownInvitation]]:
    """Return members by their id and by their address, and the latest invitations by address."""
    keys = [address.key for row in rows if (address := read_address(row["email"])) is not None]
    ids = [row["member_id"] for row in rows if row["member_id"] is not None]
    found = await connection.fetch(
        _MEMBERS % "m.email_key = any($3) or m.member_id = any($4)", slug, len(keys) + len(ids), keys, ids
    )
    members = {name: row for row in found for name in (row["email_key"], str(row["member_id"]))}
    invited = await connection.fetch(_INVITATIONS, slug, keys)
    return members, {row["email_key"]: _invited(row, now) for row in invited if row["status"] != "accepted"}


async def _members(connection: Connection, slug: str) -> AsyncIterator[list[asyncpg.Record]]:
    last = UUID(int=0)
    while rows := await connection.fetch(_MEMBERS % "m.member_id > $3", slug, AT_ONCE, last):
        yield rows
        last = rows[-1]["member_id"]


def _links(row: asyncpg.Record) -> tuple[tuple[str, str], ...]:
    return tuple(zip(row["issuers"] or (), row["scopes"] or (), strict=True))


def _invited(row: asyncpg.Record, now: datetime) -> KnownInvitation:
    return KnownInvitation(
        invitation_id=row["invitation_id"],
        role=row["role"],
        websites=row["websites"],
        open=row["status"] == "open" and row["expires_at"] > now and not row["outrun"],
        email=row["email"],
    )
