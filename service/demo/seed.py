"""Sets the demonstration's workspaces up through the public API, whatever of it is there already."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp

from service.demo.api import Api
from service.demo.cast import ACME, DEACTIVATED, GLOBEX, INVITED, PEOPLE, WORKSPACES, DemoWorkspace, Person
from service.demo.kept import Kept
from service.demo.processes import DemoFailed

PLAN = "one"


async def seed(api: Api, service: str, issuer: str, kept: Kept) -> None:
    """Bring both workspaces to where their stories begin. What people changed since the first start stays.

    Raises:
        DemoFailed: with a sentence.
    """
    for workspace in WORKSPACES:
        await _register(api, workspace)
        await _configure(api, workspace, issuer, kept)
    if INVITED.email not in await api.people(GLOBEX.slug):
        await api.invite(GLOBEX.slug, INVITED.email, "viewer")
    if DEACTIVATED.email not in await api.people(ACME.slug):
        await sign_in(service, issuer, ACME, DEACTIVATED)
        await api.deactivate(ACME.slug, DEACTIVATED.email)


async def _register(api: Api, workspace: DemoWorkspace) -> None:
    found = await api.workspace(workspace.slug)
    if found is None:
        await api.register(workspace.slug, workspace.name, PLAN, PEOPLE[workspace.owner].email)
    elif found["credentials"] is not None and found["credentials"]["client_id"] != workspace.client_id:
        message = (
            f"There is a workspace {workspace.slug} that is not the demonstration's. "
            "Set KEYLEDGER_DATA_DIR to another directory, in which the demonstration has a database of its own."
        )
        raise DemoFailed(message)


async def _configure(api: Api, workspace: DemoWorkspace, issuer: str, kept: Kept) -> None:
    found = await api.workspace(workspace.slug)
    if found is None:
        message = f"The workspace {workspace.slug} is gone."
        raise DemoFailed(message)
    if events := _missing(found, workspace, issuer, kept):
        await api.record(workspace.slug, events, f"demo-configure-{found['version']}")


def _missing(found: dict[str, Any], workspace: DemoWorkspace, issuer: str, kept: Kept) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    credentials = found["credentials"]
    if credentials is None:
        events.append({"type": "DomainAdded", "data": {"domain": workspace.domain}})
        if not workspace.jit:
            events.append({"type": "JitDisabled", "data": {}})
    if credentials is None or credentials["issuer"] != issuer:
        secret = kept.client_secrets[workspace.client_id].get_secret_value()
        # As with Okta, nobody relies on email_verified here.
        data = {"issuer": issuer, "client_id": workspace.client_id, "client_secret": secret, "email_verified": "ignore"}
        events.append({"type": "CredentialsSet", "data": data})
    if credentials is None:
        events.append({"type": "SsoEnabled", "data": {}})
    return events


async def sign_in(service: str, issuer: str, workspace: DemoWorkspace, person: Person) -> None:
    """Sign a person in as a browser does, from the workspace's initiate address to the session.

    Raises:
        DemoFailed: when the sign-in does not succeed.
    """
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        initiate = f"{service}/api/sso/initiate/{workspace.slug}"
        page = await _redirected(browser, "GET", initiate)
        chosen = {**dict(parse_qsl(urlsplit(page).query)), "person": person.key}
        callback = await _redirected(browser, "POST", f"{issuer}/login", chosen)
        await _redirected(browser, "GET", callback)


async def _redirected(
    browser: aiohttp.ClientSession, method: str, address: str, form: dict[str, str] | None = None
) -> str:
    async with browser.request(method, address, data=form, allow_redirects=False) as answer:
        location = answer.headers.get("Location")
        if location is None:
            place = urlsplit(address)
            message = f"A sign-in did not go on at {place.netloc}{place.path}: status {answer.status}."
            raise DemoFailed(message)
        return location
