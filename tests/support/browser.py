"""A browser of our own: keeps cookies by their rules, follows nothing by itself, and runs no script."""

import re
from collections.abc import Mapping
from http.cookies import Morsel, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

Client = TestClient[web.Request, web.Application]


class Browser:
    """A person's browser at one site. ``client`` must keep no cookies itself.

    Cookies are kept although the test server speaks http: the site's public address is https.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.cookies: dict[str, str] = {}
        self.set: list[Morsel[str]] = []

    async def get(self, address: str, *, headers: Mapping[str, str] | None = None) -> ClientResponse:
        """Open an address of the site, by path or in full."""
        return await self.send("GET", address, headers=headers or {})

    async def submit(self, address: str, fields: Mapping[str, str] | None = None) -> ClientResponse:
        """Post a form from one of the site's own pages."""
        return await self.send("POST", address, headers={"Sec-Fetch-Site": "same-origin"}, data=fields or {})

    async def send(
        self, method: str, address: str, *, headers: Mapping[str, str], cookies: bool = True, **rest: Any
    ) -> ClientResponse:
        """Send any request, with or without the cookies, and keep the cookies that come back."""
        parts = urlsplit(address)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        own = {**headers}
        if cookies and self.cookies:
            own["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = await self.client.request(method, path, headers=own, allow_redirects=False, **rest)
        self.keep(answer)
        return answer

    def keep(self, answer: ClientResponse) -> None:
        """Keep the cookies that an answer brings."""
        for header in answer.headers.getall("Set-Cookie", ()):
            for name, morsel in SimpleCookie(header).items():
                self.set.append(morsel)
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value

    def twin(self) -> "Browser":
        """Return another window that holds the same cookies, and from now on its own."""
        made = Browser(self.client)
        made.cookies = {**self.cookies}
        return made

    def named(self, part: str) -> dict[str, str]:
        """Return the cookies whose name contains this."""
        return {name: value for name, value in self.cookies.items() if part in name}


async def shown_reason(answer: ClientResponse) -> str | None:
    """Return the reason code on a page."""
    match = re.search(r'data-reason="([a-z_]+)"', await answer.text())
    return match[1] if match else None


def hidden_field(text: str, name: str) -> str:
    """Return the value of a form's hidden field."""
    match = re.search(rf'name="{name}" value="([^"]+)"', text)
    assert match is not None, text
    return match[1]


def restart_link(text: str) -> str:
    """Return where the page's button that starts again leads."""
    match = re.search(r'class="button" href="([^"]+)"', text)
    assert match is not None, text
    return match[1].replace("&amp;", "&")
