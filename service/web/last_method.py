"""Remembers in the browser by which method it last signed in, so that the login page can put that one first.

The cookie holds the method's name, and the workspace's slug for SSO: nothing secret, and nothing about the person.
"""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from service.identity.people import Method
from service.keys import SETTINGS
from service.login.slug import is_slug

KEPT_S: Final = 180 * 24 * 3600
_NAME: Final = "keyledger-last-method"
_METHODS: Final[dict[str, Method]] = {"sso": "sso", "google": "google", "magic_link": "magic_link"}


@dataclass(frozen=True, slots=True)
class LastMethod:
    """A method, and for SSO the workspace."""

    method: Method
    workspace: str | None = None


def read_last_method(request: web.Request) -> LastMethod | None:
    """Return what the browser remembers, ``None`` when it is nothing that we wrote."""
    name, _, slug = request.cookies.get(_cookie_name(request), "").partition(".")
    method = _METHODS.get(name)
    if method is None or (method == "sso") != is_slug(slug):
        return None
    return LastMethod(method, slug or None)


def remember_method(request: web.Request, response: web.StreamResponse, last: LastMethod) -> None:
    """Have the browser remember the method."""
    value = last.method if last.workspace is None else f"{last.method}.{last.workspace}"
    flags = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if request.app[SETTINGS].secure_cookies else "")
    response.headers.add("Set-Cookie", f"{_cookie_name(request)}={value}; Max-Age={KEPT_S}{flags}")


def _cookie_name(request: web.Request) -> str:
    return f"__Host-{_NAME}" if request.app[SETTINGS].secure_cookies else _NAME
