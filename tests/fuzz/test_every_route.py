"""Every route that a browser reaches, the ones of tomorrow too: any parameters, any cookies, and never a fault."""

import re
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from support.fuzzing import searching
from support.raw_http import raw_request
from support.site import Site
from yarl import URL

# What failed is printed with the whole site.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

NAMES: Final = (
    *("email", "slug", "workspace", "token", "ticket", "code", "state", "error", "iss", "sid", "logout_token"),
    *("target_link_uri", "target", "login_hint", "switch", "id_token", "id_token_hint", "post_logout_redirect_uri"),
)
hostile = st.sampled_from(
    [
        *(
            b"",
            b"acme",
            b"\x00",
            b"\xff\xfe",
            b"\r\nSet-Cookie: a=b",
            b"<script>alert(1)</script>",
            b"%",
            b"' or 1=1 --",
        ),
        *(b"ada@acme.example", "аdа@acme.example".encode(), b"@", b"a@b", b"A" * 3000, b"../..", b"{}", b"null", b"-1"),
        *(b"//evil.example", b"javascript:alert(1)", b"eyJhbGciOiJub25lIn0.e30.", b"$system", b"2026-13-45T99:99:99Z"),
    ]
)
values: SearchStrategy[bytes] = hostile | st.binary(max_size=60)
parameters = st.lists(st.tuples(st.sampled_from(NAMES), values), max_size=5)
cookies = st.lists(
    st.tuples(
        st.sampled_from(["__Host-keyledger-session", "__Host-keyledger-attempt-x", "__Host-keyledger-method", "x"]),
        values,
    ),
    max_size=3,
)
fills = st.lists(values, min_size=3, max_size=3)


def routes_of(site: Site) -> list[tuple[str, str]]:
    """Return the method and the template of every route."""
    assert site.client.app is not None
    found = {(route.method, route.resource.canonical) for route in site.client.app.router.routes() if route.resource}
    return sorted((method, path) for method, path in found if not path.startswith(("/static", "/metrics")))


def quoted(value: bytes) -> str:
    return URL.build(path="/" + value.decode("latin-1").replace("/", "").replace(".", "")).raw_path.lstrip("/") or "x"


@given(parameters, cookies, fills, st.sampled_from([b"same-origin", b"cross-site", b""]), st.booleans())
@example([("email", b"ada@acme.example")], [], [b"acme", b"x", b"y"], b"same-origin", False)
@searching(8)
async def test_no_route_fails_whatever_it_is_asked(
    site: Site,
    pairs: list[tuple[str, bytes]],
    kept: list[tuple[str, bytes]],
    fill: list[bytes],
    from_where: bytes,
    signed_in: bool,
) -> None:
    """By nobody and by somebody who is signed in; and nobody new is signed in who has nothing to show."""
    assert site.client.port is not None
    browser = site.browser()
    if signed_in:
        await site.sign_in(browser)
    kept = [*((name, value.encode()) for name, value in browser.cookies.items()), *kept]
    form = "&".join(f"{name}={quoted(value)}" for name, value in pairs).encode()
    cookie = b"; ".join(name.encode() + b"=" + value.translate(None, b"\r\n\x00") for name, value in kept)
    sessions = await site.world.pool.fetchval("select count(*) from identity.sessions")
    routes = routes_of(site)
    assert len(routes) > 12
    for method, template in routes:
        filled = iter(fill * 3)
        path = re.sub(r"\{[^}]*\}", lambda _: quoted(next(filled)), template).encode()  # noqa: B023 - used at once
        extra = [b"Sec-Fetch-Site: " + from_where] if from_where else []
        sent = (path, cookie, form) if method == "POST" else (path + b"?" + form, cookie, None)
        answer = await raw_request(site.client.port, method, *sent, more=extra)
        assert answer.status < 500 or answer.status == 503, (method, template, answer)
        if answer.is_page:
            assert b"<script>alert" not in answer.body, (method, template)
        assert "a=b" not in answer.all("set-cookie")
    assert await site.world.pool.fetchval("select count(*) from identity.sessions") <= sessions
