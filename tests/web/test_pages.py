"""Pages: every reason has words, every page its parts, and nothing comes from elsewhere or runs."""

import re
from html.parser import HTMLParser

import pytest
from support.browser import shown_reason
from support.site import Site

from service.settings import Settings
from service.web import notices
from service.web.headers import SecurityHeaders
from service.web.notice import Notice
from service.web.notices import CASES, NOTICES, PAGE_REASONS, SIGN_IN_REASONS, missing_notices
from service.web.pages import Pages, PagesIncomplete

DESIGNED = frozenset(
    {
        "workspace_unavailable", "issuer_mismatch", "attempt_missing", "attempt_expired", "attempt_used",
        "attempt_foreign", "provider_denied", "provider_error", "provider_misconfigured", "provider_unreachable",
        "code_rejected", "id_token_invalid", "userinfo_invalid", "email_missing", "email_unverified",
        "domain_not_allowed", "invitation_required", "member_deactivated", "identity_conflict", "method_not_allowed",
    }
)  # fmt: skip


def pages(*templates: str) -> Pages:
    settings = Settings(base_url="https://id.example")
    return Pages(settings, SecurityHeaders(settings, frozenset()), templates)


def test_every_reason_of_the_sign_in_log_has_words() -> None:
    assert SIGN_IN_REASONS == DESIGNED
    assert missing_notices() == set()


def test_the_service_does_not_start_when_words_or_templates_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PagesIncomplete, match=r"console\.html"):
        pages("console")
    monkeypatch.setattr(notices, "PAGE_REASONS", PAGE_REASONS | {"unheard_of"})
    with pytest.raises(PagesIncomplete, match="unheard_of"):
        pages()


WORDS = {**NOTICES, **{" ".join(case): notice for case, notice in CASES.items()}}


@pytest.mark.parametrize("kind", ["okta", "oidc"])
@pytest.mark.parametrize("written", [pytest.param(notice, id=name) for name, notice in WORDS.items()])
def test_words_are_whole_sentences_without_blame(written: Notice, kind: str) -> None:
    notice = written.at(kind)
    if kind == "oidc":
        assert "Okta" not in f"{notice.title} {notice.happened} {notice.advice}", "the provider is not Okta"
    assert "{" not in f"{notice.title}{notice.happened}{notice.advice}"
    for sentence in (notice.happened, notice.advice):
        assert sentence.endswith(".")
        assert sentence[0].isupper()
        assert "!" not in sentence
        assert "'" not in sentence
    assert not notice.title.endswith(".")
    assert 400 <= notice.status < 600


class Parts(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect one."""
        self.tags.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]


PATHS = [
    "/",
    "/sign-in",
    "/sign-in?workspace=No%20such",
    "/account",
    "/nothing",
    "/api/sso/initiate/nobody",
    "/api/sso/callback/acme",
    "/link/" + "a" * 43,
    "/login",
    "/login?workspace=acme",
    "/login/exception",
    "/login/magic-link/" + "a" * 43,
]


async def shown(site: Site, path: str) -> tuple[str, Parts]:
    browser = site.browser()
    if path == "/account":
        await site.sign_in(browser)
    answer = await browser.get(path)
    assert answer.content_type == "text/html"
    text = await answer.text()
    return text, Parts(text)


@pytest.mark.parametrize("path", PATHS)
async def test_pages_load_from_here_alone_and_run_nothing(site: Site, path: str) -> None:
    text, parts = await shown(site, path)
    assert "<script" not in text
    assert not re.search(r"\son[a-z]+=|\sstyle=|javascript:", text)
    for tag, name in (("link", "href"), ("img", "src"), ("form", "action")):
        assert all((attributes.get(name) or "/").startswith("/") for attributes in parts.of(tag))


@pytest.mark.parametrize("path", PATHS)
async def test_pages_can_be_read_by_keyboard_and_by_ear(site: Site, path: str) -> None:
    _, parts = await shown(site, path)
    assert parts.of("html")[0]["lang"] == "en"
    assert len(parts.of("h1")) == 1
    assert len(parts.of("main")) == 1
    assert parts.of("title")
    assert any("width=device-width" in (meta.get("content") or "") for meta in parts.of("meta"))
    labels = {label["for"] for label in parts.of("label")}
    fields = [one for one in parts.of("input") if one.get("type") != "hidden"]
    assert all(field["id"] in labels for field in fields)
    assert all("alt" in image for image in parts.of("img"))
    assert parts.of("a")[0]["href"] == "#main"


async def test_files_are_served_for_ever_under_addresses_that_change_with_them(site: Site) -> None:
    _, parts = await shown(site, "/")
    path = next(link["href"] for link in parts.of("link") if link["rel"] == "stylesheet")
    assert path is not None
    answer = await site.browser().get(path)
    text = await answer.text()
    assert answer.status == 200
    assert answer.content_type == "text/css"
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "prefers-color-scheme: dark" in text
    assert "url(" not in text
    for other in ("/static/keyledger.css", "/static/..%2f..%2fsettings.py", "/static/x"):
        assert (await site.browser().get(other)).status == 404


async def test_the_start_page_leads_to_a_workspace(site: Site) -> None:
    answer = await site.browser().get("/sign-in?workspace=%20ACME%20")
    assert (answer.status, answer.headers["Location"]) == (303, "/api/sso/initiate/acme")
    for wrong in ("", "no such", "a/b", "//evil.example", "x" * 500, "<b>"):
        answer = await site.browser().send("GET", "/sign-in", headers={}, params={"workspace": wrong})
        assert answer.status == 422
        assert "<b>" not in await answer.text()
    start = await site.browser().get("/")
    assert "form-action 'self' https:" in start.headers["Content-Security-Policy"]


async def test_a_page_about_a_refusal_has_reason_turn_and_request(site: Site) -> None:
    answer = await site.browser().get("/api/sso/callback/acme")
    text = await answer.text()
    assert await shown_reason(answer) == "attempt_missing"
    assert "<code>attempt_missing</code>" in text
    assert f"<code>{answer.headers['X-Request-Id']}</code>" in text
    assert "Your turn" in text
    assert "help@id.example" in text
