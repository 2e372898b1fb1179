"""Okta set up wrongly, or a person whom it keeps out: what Okta does then, and what has to be told of it."""

import html
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple

from aiohttp import ClientResponse, web
from support.browser import Browser, shown_reason
from support.database import Pool
from support.okta import okta_headers
from support.provider import FakeProvider
from support.site import Site, running_site

INITIATE = "/api/sso/initiate/"


def as_it_is(_: FakeProvider) -> None:
    """Leave the provider alone."""


def redirecting_back_with(error: str, description: str = "") -> Callable[[FakeProvider], None]:
    def prepare(provider: FakeProvider) -> None:
        provider.authorize_error = (error, description)

    return prepare


def answering(endpoint: str, status: int, body: dict[str, Any], **headers: str) -> Callable[[FakeProvider], None]:
    sent = okta_headers("no-store")
    sent.update({name.replace("_", "-"): value for name, value in headers.items()})

    def prepare(provider: FakeProvider) -> None:
        provider.hooks[endpoint] = lambda _: web.json_response(body, status=status, headers=sent)

    return prepare


def in_oktas_shape(code: str, summary: str) -> dict[str, Any]:
    return {"errorCode": code, "errorSummary": summary, "errorLink": code, "errorId": "oae1", "errorCauses": []}


def with_claims(**changes: Any) -> Callable[[FakeProvider], None]:
    def prepare(provider: FakeProvider) -> None:
        provider.claim_changes = changes

    return prepare


async def start(site: Site, browser: Browser, slug: str) -> ClientResponse:
    return await site.sign_in(browser, INITIATE + slug)


async def begin(site: Site, browser: Browser, slug: str) -> ClientResponse:
    del site
    return await browser.get(INITIATE + slug)


class Wrong(NamedTuple):
    """One wrong setting, what Okta does because of it, and what is told: on the page and in the row alike."""

    prepare: Callable[[FakeProvider], None]
    reason: str
    detail: str
    field: str | None
    page: tuple[str, ...]
    run: Callable[[Site, Browser, str], Any] = start
    issuer_path: str = ""
    connection: dict[str, Any] = {}  # noqa: RUF012 - nobody writes to it


class Told(NamedTuple):
    """What a refused sign-in told: the page and its words, and the row in the sign-in log."""

    answer: ClientResponse
    text: str
    row: dict[str, Any]


async def told(site: Site, wrong: Wrong, kind: str) -> Told:
    """Meet the wrong setting in a workspace whose provider is of this kind."""
    slug = f"{kind}-{secrets.token_hex(4)}"
    await site.connect(slug, provider_kind=kind, **wrong.connection)
    answer = await wrong.run(site, site.browser(), slug)
    (row,) = [one for one in await site.sign_ins() if one["workspace"] == slug]
    return Told(answer, html.unescape(await answer.text()), row)


async def assert_told_with_the_field_to_change(pool: Pool, wrong: Wrong) -> None:
    """Assert that page and row name the field, in the words of the connection's kind.

    What is told of another provider than Okta does not speak of Okta.
    """
    provider = FakeProvider(issuer_path=wrong.issuer_path)
    wrong.prepare(provider)
    async with running_site(pool, provider, app_url="https://app.example/home") as site:
        okta, other = await told(site, wrong, "okta"), await told(site, wrong, "oidc")
        lines = [line for line in site.log_lines() if line["event"] == "sign_in_refused"]
    for one in (okta, other):
        assert await shown_reason(one.answer) == one.row["reason"] == wrong.reason
        assert one.row["detail"] == wrong.detail
        assert one.row["explanation"].endswith(".")
        assert one.row["explanation"] in one.text
        assert one.row["request_id"] == one.answer.headers["X-Request-Id"]
        assert one.row["request_id"] in one.text
        assert (one.row["okta_field"] is None) == (wrong.field is None)
        assert wrong.field is None or one.row["okta_field"] in one.text
    assert [line["detail"] for line in lines] == [wrong.detail] * 2
    assert okta.row["okta_field"] == wrong.field
    assert "For the Okta administrator" in okta.text
    assert not [words for words in wrong.page if words not in okta.text]
    told_there = f"{other.text} {other.row['explanation']} {other.row['okta_field']}"
    assert "Okta" not in told_there
    assert "identity provider" in other.text
