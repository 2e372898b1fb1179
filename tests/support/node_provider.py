"""The certified provider of ``tests/providers``, set up like an Okta org and run in a Node process of its own.

``make test`` installs its packages; without them every test that needs it fails and says so.
"""

import asyncio
import html
import json
import re
import shutil
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin

import aiohttp

PROVIDERS: Final = Path(__file__).parents[1] / "providers"
STARTS_WITHIN_S: Final = 20.0
ENDS_WITHIN_S: Final = 5.0
MOST_REDIRECTS: Final = 10

Json = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """Somebody in the organisation. ``assigned`` says to which applications: all, none, or those client ids."""

    name: str
    email: str
    sub: str = ""
    groups: tuple[str, ...] = ()
    assigned: bool | tuple[str, ...] = True
    email_verified: bool = False

    def told(self) -> Json:
        """Return the person as the provider is told of them."""
        sub = self.sub or f"00u17{self.email.partition('@')[0]}"
        return {
            "sub": sub,
            "name": self.name,
            "email": self.email,
            "groups": list(self.groups),
            "assigned": self.assigned if isinstance(self.assigned, bool) else list(self.assigned),
            "email_verified": self.email_verified,
        }


ADA: Final = Person("Ada", "ada@acme.example", groups=("Everyone", "Engineering"))
GRACE: Final = Person("Grace", "grace@acme.example")


def browser() -> aiohttp.ClientSession:
    """Return a client with cookies of its own, which it keeps for 127.0.0.1 too."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), timeout=aiohttp.ClientTimeout(20))


@dataclass
class NodeProvider:
    """A running provider, and what its administrator can do.

    Attributes:
        client_id, client_secret: the application that was registered at the start (``client_secret_basic``).
    """

    issuer: str
    people: tuple[Person, ...]
    client_id: str
    client_secret: str
    _control: aiohttp.ClientSession = field(repr=False)

    async def switch(self, **changes: str | bool | None) -> None:
        """Turn switches: alg, iss_parameter, form_post, thin_id_token, auto, follow_hint."""
        await self._ask("switch", changes)

    async def log_in_without_page(self, person: Person | None) -> None:
        """From now on log this person in without asking; None asks again."""
        await self.switch(auto=person.email if person else None)

    async def rotate_keys(self, *, keep: bool = False) -> None:
        """Sign with a new key. The former one is gone at once, or stays published."""
        await self._ask("rotate", {"keep": keep})

    async def put(self, person: Person) -> None:
        """Add a person, or change the one with that e-mail."""
        await self._ask("person", person.told())

    async def remove(self, person: Person) -> None:
        """Take a person out of the organisation."""
        await self._ask("remove", {"email": person.email})

    async def register(
        self,
        redirect_uris: Sequence[str],
        *,
        client_id: str | None = None,
        client_secret: str | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Register an application, or change the one with that client id; the first one unless another is named.

        ``metadata`` as in OpenID Connect Dynamic Client Registration 2, such as ``token_endpoint_auth_method``,
        ``post_logout_redirect_uris`` and ``backchannel_logout_uri``.
        """
        given = {"client_id": client_id or self.client_id, "redirect_uris": list(redirect_uris), **(metadata or {})}
        await self._ask("client", given | ({"client_secret": client_secret} if client_secret is not None else {}))

    async def requests(self, path: str = "") -> list[Mapping[str, str]]:
        """Return the method and path of every request so far whose path begins like this, oldest first."""
        received: list[Mapping[str, str]] = await self._ask("requests", {})
        return [request for request in received if request["path"].startswith(path)]

    async def log_in(self, authorization_url: str, person: Person, within: aiohttp.ClientSession | None = None) -> str:
        """Open the authorization URL as a browser, press the person's button, return where that leads outside.

        ``within`` is a browser to use (see ``browser``); it stays logged in at the provider.
        """
        landed = await self._walk(authorization_url, person, within)
        assert not landed.startswith("<"), f"the provider showed its own page: {landed}"
        return landed

    async def cancel(self, authorization_url: str, within: aiohttp.ClientSession) -> str:
        """Open the authorization URL, press the button that breaks it off, return where that leads outside."""
        return await self._walk(authorization_url, None, within)

    async def log_in_to_form(
        self, authorization_url: str, person: Person, within: aiohttp.ClientSession | None = None
    ) -> Json:
        """Log in likewise where the answer comes by form_post; return the fields that the page would post."""
        page = await self._walk(authorization_url, person, within)
        found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
        assert found, f"the provider sent no form: {page}"
        return {name: html.unescape(value) for name, value in found}

    async def _walk(self, address: str, person: Person | None, within: aiohttp.ClientSession | None) -> str:
        if within is None:
            async with browser() as own:
                return await self._walk(address, person, own)
        pressed = {"person": person.email} if person else {"cancel": "yes"}
        for _ in range(MOST_REDIRECTS):
            if not address.startswith(f"{self.issuer}/"):
                return address
            async with within.get(address, allow_redirects=False) as answer:
                page, location = await answer.text(), answer.headers.get("Location")
            if location is None and "/login/" in address:
                async with within.post(address, data=pressed, allow_redirects=False) as answer:
                    page, location = await answer.text(), answer.headers.get("Location")
            if location is None:
                return page
            address = urljoin(address, location)
        message = f"the provider redirects without end, last to {address}"
        raise AssertionError(message)

    async def log_out(self, end_session_url: str, within: aiohttp.ClientSession) -> str | None:
        """Confirm a logout as the person in this browser does. Return where the provider redirects, if it does."""
        async with within.get(end_session_url) as page:
            found = re.search(r'name="xsrf" value="([^"]*)"', await page.text())
        assert found is not None, "the provider asks nobody to confirm a logout"
        confirmed = {"xsrf": html.unescape(found[1]), "logout": "yes"}
        address = f"{self.issuer}/oauth2/v1/logout/confirm"
        async with within.post(address, data=confirmed, allow_redirects=False) as done:
            assert done.status == 303, await done.text()
            location = done.headers["Location"]
        return None if location.startswith(self.issuer) else location

    async def _ask(self, command: str, body: Mapping[str, object]) -> Any:
        async with self._control.post(f"{self.issuer}/control/{command}", json=body) as answer:
            told = await answer.json()
            assert answer.status == 200, told
            return told


@asynccontextmanager
async def node_provider(
    *,
    redirect_uris: Sequence[str] = ("http://127.0.0.1:1/not-registered-yet",),
    people: Sequence[Person] = (ADA, GRACE),
    client_id: str = "0oa17n5acme",
    client_secret: str = "s3cret/+:%20-of-acme",  # noqa: S107 -- an example
    switches: Mapping[str, str | bool | None] | None = None,
    metadata: Mapping[str, object] | None = None,
) -> AsyncIterator[NodeProvider]:
    """Run the provider for as long as the context lasts; ``metadata`` is more of the application's registration."""
    application = {"client_id": client_id, "client_secret": client_secret, "redirect_uris": list(redirect_uris)}
    told = {
        "people": [person.told() for person in people],
        "clients": [application | dict(metadata or {})],
        "switches": dict(switches or {}),
    }
    async with _process(told) as issuer, aiohttp.ClientSession() as control:
        yield NodeProvider(issuer, tuple(people), client_id, client_secret, control)


@asynccontextmanager
async def _process(told: Json) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        *_command(),
        cwd=PROVIDERS,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    complaints: deque[str] = deque(maxlen=40)
    listening = asyncio.create_task(_keep(process.stderr, complaints))
    try:
        process.stdin.write(json.dumps(told).encode() + b"\n")
        await process.stdin.drain()
        ready = await asyncio.wait_for(process.stdout.readline(), STARTS_WITHIN_S)
        if not ready:
            await listening
            message = f"the provider did not start:\n{''.join(complaints)}"
            raise AssertionError(message)
        yield json.loads(ready)["issuer"]
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), ENDS_WITHIN_S)
        except TimeoutError:
            process.kill()
            await process.wait()
        await listening


async def _keep(stream: asyncio.StreamReader, lines: deque[str]) -> None:
    async for line in stream:
        lines.append(line.decode(errors="replace"))


def _command() -> list[str]:
    node = shutil.which("node")
    assert node is not None, "Node is missing; on Debian install the package nodejs"
    installed = PROVIDERS / "node_modules" / "oidc-provider"
    assert installed.is_dir(), f"{installed} is missing; install it by: make providers"
    return [node, "okta_lookalike/main.js"]
