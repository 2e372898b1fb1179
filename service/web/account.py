"""Who is signed in: for people the account page and the ways out, for the host application the session."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web
from aiohttp_session import get_session

from service.identity.access import Access, Membership, Person, session_person, shown_memberships
from service.identity.session_ends import sign_out_everywhere as end_everywhere
from service.identity.session_values import LiveSession
from service.identity.sessions import live_session
from service.keys import IDENTITY, SETTINGS
from service.web.logout import answer_sign_out, leads_out
from service.web.pages import PAGES
from service.web.refusal import PageRefusal

METHODS: Final = {
    "sso": "Single sign-on",
    "google": "Google",
    "magic_link": "A link by e-mail",
    "recovery": "A recovery code",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Who is signed in by a request's session, what it opens now, and what it may be told of."""

    live: LiveSession
    person: Person
    opened: Sequence[Access]
    memberships: Sequence[Membership]


async def current_standing(request: web.Request) -> Standing | None:
    """Return the standing, judged on committed state; ``None`` when nobody is signed in."""
    live = await live_session(request)
    if live is None:
        return None
    identity = request.app[IDENTITY]
    memberships = await shown_memberships(identity.pool, live, identity.clock())
    opened = [one.access for one in memberships if isinstance(one.access, Access)]
    return Standing(live, await session_person(identity.pool, live, opened), opened, memberships)


async def show_account(request: web.Request) -> web.Response:
    """``GET /account``: the person's workspaces, those open now and those that SSO opens."""
    standing = await current_standing(request)
    if standing is None:
        return web.Response(status=303, headers={"Location": "/login"})
    return request.app[PAGES].render(
        request,
        "account",
        leads_out=leads_out(standing.live),
        name=standing.person.name,
        email=standing.person.email,
        workspaces=[_shown(one.name, one.access) for one in standing.memberships if isinstance(one.access, Access)],
        closed=[one for one in standing.memberships if not isinstance(one.access, Access)],
        everywhere=standing.live.proves_user,
        app_url=request.app[SETTINGS].app_url,
    )


def _shown(name: str, access: Access) -> Mapping[str, object]:
    return {
        "slug": access.workspace,
        "name": name,
        "role": access.role.capitalize(),
        "owner": access.role == "owner",
        "websites": access.websites,
        "method": METHODS[access.by.method],
        "since": datetime.fromisoformat(access.by.at),
    }


async def tell_session(request: web.Request) -> web.Response:
    """``GET /api/session``: 401, or who is signed in and the workspaces that this session opens now."""
    standing = await current_standing(request)
    if standing is None:
        raise PageRefusal("unauthenticated")
    person = standing.person
    return web.json_response(
        {
            "user": {"id": str(person.user_id), "email": person.email, "name": person.name},
            "workspaces": [
                {"slug": access.workspace, "role": access.role, "websites": access.websites}
                for access in standing.opened
            ],
            "authentications": [
                {"method": one.method, "workspace": one.workspace, "at": one.at}
                for one in standing.live.authentications
            ],
        }
    )


async def sign_out(request: web.Request) -> web.Response:
    """``POST /logout``: end this session; its id is worth nothing afterwards."""
    live = await live_session(request)
    await _forget(request)
    return await answer_sign_out(request, live, everywhere=False)


async def sign_out_everywhere(request: web.Request) -> web.Response:
    """``POST /logout/everywhere``: end the person's sessions on every device, as far as this session may say."""
    live = await live_session(request)
    if live is not None:
        await end_everywhere(request.app[IDENTITY].pool, live)
    await _forget(request)
    return await answer_sign_out(request, live, everywhere=True)


async def _forget(request: web.Request) -> None:
    """Empty the session, upon which the storage deletes its row and its cookie."""
    session = await get_session(request)
    session.invalidate()
    session.changed()


def routes() -> list[web.RouteDef]:
    """The routes of this module."""
    return [
        web.get("/account", show_account),
        web.get("/api/session", tell_session),
        web.post("/logout", sign_out),
        web.post("/logout/everywhere", sign_out_everywhere),
    ]
