"""What the login page's forms and links carry: an address, a workspace, and where to go afterwards."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from aiohttp import web
from multidict import MultiMapping

from events.domains import MAXIMUM_ADDRESS, Address
from service.identity.addresses import read_address
from service.login.slug import is_slug
from service.web.flow import FLOW
from service.web.form import read_form, single

FIELDS: Final = ("email", "workspace", "target_link_uri", "login_hint")
LARGEST: Final = 16 * 1024
NO_ADDRESS: Final = "Enter one e-mail address, such as ada@acme.example."


class LoginFields:
    """The fields of one request. ``typed`` is what was entered as the address, cut to what can be one."""

    def __init__(self, request: web.Request, given: Mapping[str, str]) -> None:
        text = (given.get("email") or given.get("login_hint") or "").strip()
        self.typed = text[:MAXIMUM_ADDRESS]
        self.address: Address | None = read_address(text)
        slug = given.get("workspace", "").strip().lower()
        self.workspace = slug if is_slug(slug) else None
        self.target = request.app[FLOW].targets.admit(given.get("target_link_uri"))

    @property
    def start(self) -> str:
        """Where the login page is with the same target and workspace."""
        return login_address(self.workspace, self.target)


def login_address(workspace: str | None = None, target: str | None = None) -> str:
    """Return the login page's address."""
    carried = {"workspace": workspace, "target_link_uri": target}
    query = urlencode({name: value for name, value in carried.items() if value})
    return f"/login?{query}" if query else "/login"


def asked_fields(request: web.Request) -> LoginFields:
    """Return the fields of a link."""
    return _fields(request, request.query)


async def posted_fields(request: web.Request) -> LoginFields:
    """Return the fields of a form."""
    return _fields(request, await read_form(request, LARGEST))


def _fields(request: web.Request, source: MultiMapping[str]) -> LoginFields:
    return LoginFields(request, single(source, FIELDS))
