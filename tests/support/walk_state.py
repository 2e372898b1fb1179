"""All that decides who gets in, told in one way by the model and by what the service has recorded."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import orjson
from support.walk_cast import Walk
from support.who_is_who import Holder, Place, Session
from support.who_may import IDLE

COOKIE = "__Host-keyledger-session"
_MEMBERS = """
    select m.user_id, m.workspace, m.email, m.role, m.status = 'active' as active, u.email as mailbox
    from identity.members m join identity.users u using (user_id)
"""
_IDENTITIES = """
    select i.workspace, i.subject, m.email from identity.identities i join identity.members m using (member_id)
"""
_GOOGLE = "select g.subject, u.email from identity.user_identities g join identity.users u using (user_id)"
_SESSIONS = """
    select session_hash, user_id, data from identity.sessions
    where absolute_expires_at > $1 and last_seen_at > $2 and user_id is not null
"""


def modelled(walk: Walk) -> dict[str, Any]:
    """Return what the model says."""
    model = walk.model
    people: dict[Holder, list[Any]] = defaultdict(list)
    for slug in sorted(model.places):
        for one in model.places[slug].members:
            people[one.holder].append((slug, one.address, one.role, one.active))
    named = {holder: (holder.mailbox, tuple(sorted(rows))) for holder, rows in people.items()}
    return {
        **{slug: _place(place) for slug, place in model.places.items()},
        "people": Counter(named.values()),
        "links": {
            (slug, subject, one.address)
            for slug, place in model.places.items()
            for one in place.members
            for subject in one.accounts.values()
        },
        "google": {(subject, holder.mailbox) for subject, holder in model.googles.items()},
        "sessions": Counter((named.get(one.holder), _by(one)) for one in model.sessions if model.live(one) is not None),
        "cookies": [None if model.live(one.session) is None else _by(one.session) for one in walk.people],
    }


def _by(session: Session | None) -> Sequence[tuple[str, str]]:
    shown = [] if session is None else session.shown
    return tuple(sorted((one.how, one.place.slug if one.place else "") for one in shown))


def _place(place: Place) -> dict[str, Any]:
    return {
        "domains": dict(sorted(place.domains.items())),
        "jit": place.created_as,
        "active": None if place.active is None else place.active.identifier,
        "staged": None if place.staged is None else place.staged.identifier,
        "sso": place.sso,
        "required": None if place.required is None else (place.required.confirm_by is None or place.required.confirmed),
    }


async def recorded(walk: Walk) -> dict[str, Any]:
    """Return what the service has recorded."""
    pool, now = walk.site.world.pool, walk.model.now
    people, links = await pool.fetch(_MEMBERS), await pool.fetch(_IDENTITIES)
    rows: dict[tuple[object, object], list[Any]] = defaultdict(list)
    for one in people:
        rows[one["user_id"], one["mailbox"]].append((one["workspace"], one["email"], one["role"], one["active"]))
    named = {user: (mailbox, tuple(sorted(own))) for (user, mailbox), own in rows.items()}
    sessions: Counter[Any] = Counter()
    cookies = {}
    for one in await pool.fetch(_SESSIONS, now, now - IDLE):
        held = orjson.loads(one["data"])["authentications"]
        by = tuple(sorted((each["method"], each.get("workspace") or "") for each in held))
        sessions[named.get(one["user_id"]), by] += 1
        cookies[one["session_hash"]] = by
    google = await pool.fetch(
        "select g.subject, u.email from identity.user_identities g join identity.users u using (user_id)"
    )
    return {
        **{slug: await _workspace(walk, slug) for slug in walk.model.places},
        "people": Counter(named.values()),
        "links": {(one["workspace"], one["subject"], one["email"]) for one in links},
        "google": {(one["subject"], one["email"]) for one in google},
        "sessions": sessions,
        "cookies": [cookies.get(sha256(one.browser.cookies.get(COOKIE, "").encode()).digest()) for one in walk.people],
    }


async def _workspace(walk: Walk, slug: str) -> dict[str, Any]:
    told = await walk.site.world.workspace(slug)
    required = told.enforcement
    return {
        "domains": {name: one.verified is not None for name, one in sorted(told.domains.items())},
        "jit": told.jit_role if told.jit_enabled else None,
        "active": None if told.credentials is None else told.credentials.credentials_id,
        "staged": None if told.staged is None else told.staged.credentials_id,
        "sso": told.sso_enabled,
        "required": None if required is None else required.confirm_by is None or required.confirmed,
    }


def differences(seen: dict[str, Any], expected: dict[str, Any]) -> str:
    """Tell where what is recorded is not what the model says."""
    return "; ".join(
        f"{name} is {seen[name]} and should be {expected[name]}" for name in seen if seen[name] != expected[name]
    )
