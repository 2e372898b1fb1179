"""Confirming that an Okta account is one's own: the mailed address shows a button, and its POST links."""

from aiohttp import web

from service.identity.link_confirmation import confirm_link, find_link
from service.keys import IDENTITY, REQUEST_ID
from service.web.pages import PAGES
from service.web.refusal import PageRefusal
from service.web.sign_in_page import restart_address


async def show_link(request: web.Request) -> web.Response:
    """``GET /link/{token}``: what the link confirms, and a button. A mail scanner that opens it changes nothing."""
    identity = request.app[IDENTITY]
    found = await find_link(identity.pool, request.match_info["token"], identity.clock())
    if found is None or found.state != "open":
        raise PageRefusal("link_used" if found is not None and found.state == "used" else "link_invalid")
    return request.app[PAGES].render(
        request,
        "confirm_link",
        workspace=found.workspace_name,
        email=found.email,
        name=found.name,
        issuer=found.issuer,
        created_at=found.created_at,
        replaces=found.replaces,
    )


async def use_link(request: web.Request) -> web.Response:
    """``POST /link/{token}``: link the account. The person then signs in once more."""
    result = await confirm_link(request.app[IDENTITY], request.match_info["token"], request[REQUEST_ID])
    if result.state == "linked" and result.workspace is not None:
        return request.app[PAGES].render(request, "link_confirmed", restart=restart_address(result.workspace, None))
    if result.state == "refused" and result.reason is not None:
        raise PageRefusal(result.reason)
    raise PageRefusal("link_used" if result.state == "used" else "link_invalid")


def routes() -> list[web.RouteDef]:
    """The routes of this module."""
    return [web.get("/link/{token}", show_link), web.post("/link/{token}", use_link)]
