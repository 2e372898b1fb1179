"""Whatever a browser sends to initiate and callback: an answer, never a fault, never a session, never a hang."""

from urllib.parse import parse_qs, quote_from_bytes, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from support.fuzzing import searching
from support.raw_http import RawAnswer, raw_request
from support.site import Site

# What failed is printed with the whole site.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

Pairs = list[tuple[str, bytes]]

OWN_STATE, OWN_COOKIE = b"{own state}", b"{own cookie}"
"""Stand for the state of an attempt that this browser began, and for the cookies that it holds."""

hostile = st.sampled_from(
    [
        *(b"", b"\x00", b"\xff\xfe", b"\xc3\x28", b"\r\n", b"<script>alert(1)</script>", b"%", b"%zz", b"' or 1=1 --"),
        *("\u202eada".encode(), "аdа@acme.example".encode(), b"A" * 3000, b"../../etc/passwd", b"{}", b"[]", b"null"),
        *(
            b"https://evil.example/",
            b"//evil.example",
            b"javascript:alert(1)",
            b"https://app.example/x\t",
            b"eyJhbGciOiJub25lIn0.e30.",
        ),
    ]
)
values: SearchStrategy[bytes] = hostile | st.binary(max_size=60) | st.just(OWN_STATE)
states: SearchStrategy[bytes] = st.just(OWN_STATE) | values | st.binary(max_size=8).map(lambda more: OWN_STATE + more)
callback_names = st.sampled_from(
    ["code", "error", "error_description", "iss", "id_token", "access_token", "state", "x"]
)
initiate_names = st.sampled_from(["iss", "login_hint", "target_link_uri", "state", "prompt", "x"])
slugs = st.sampled_from(
    ["acme"] * 6 + ["ACME", "unknown", "acme%2F..", "%00", "acme%0d%0a", "%F0%9F%94%91", "a" * 300, "..", "$system"]
)
cookies: SearchStrategy[bytes] = st.lists(
    st.just(OWN_COOKIE)
    | st.binary(max_size=40)
    | hostile
    | st.binary(max_size=30).map(lambda value: b"__Host-keyledger-attempt-x=" + value)
    | st.binary(max_size=30).map(lambda value: b"__Host-keyledger-session=" + value),
    max_size=3,
).map(b"; ".join)


async def begun(site: Site) -> tuple[bytes, bytes]:
    """Begin an attempt; return its state, and the cookie as a browser sends it."""
    browser = site.browser()
    query = parse_qs(urlsplit(await site.to_provider(browser)).query)
    return query["state"][0].encode(), "; ".join(f"{name}={value}" for name, value in browser.cookies.items()).encode()


def encoded(pairs: Pairs) -> bytes:
    return "&".join(f"{name}={quote_from_bytes(value)}" for name, value in pairs).encode()


def without_breaks(raw: bytes) -> bytes:
    """A line break would begin another header field, which is another request than this one."""
    return raw.translate(None, b"\r\n\x00")


async def nothing_happened(site: Site, answer: RawAnswer) -> None:
    assert 200 <= answer.status < 500, answer
    assert not [cookie for cookie in answer.all("set-cookie") if "session=" in cookie and 'session=""' not in cookie]
    assert await site.world.pool.fetchval("select count(*) from identity.sessions") == 0
    assert b"Traceback" not in answer.body
    if answer.is_page:
        assert b"<script>alert" not in answer.body
    for location in answer.all("location"):
        parts = urlsplit(location)
        assert f"{parts.scheme}://{parts.netloc}" in {"://", site.provider.origin, "https://id.example"}, location


async def send(site: Site, where: str, method: str, slug: str, pairs: Pairs, cookie: bytes) -> RawAnswer:
    assert site.client.port is not None
    path = f"/api/sso/{where}/{slug}".encode()
    if method == "POST":
        return await raw_request(site.client.port, method, path, cookie, encoded(pairs))
    return await raw_request(site.client.port, method, path + b"?" + encoded(pairs), cookie)


methods = st.sampled_from(["GET", "GET", "GET", "POST", "HEAD", "PUT"])


@given(methods, slugs, states, st.lists(st.tuples(callback_names, values), max_size=4), cookies)
@example("GET", "acme", OWN_STATE, [("code", b"guessed")], OWN_COOKIE)
@example("POST", "acme", OWN_STATE, [("code", b"guessed")], b"")
@example("GET", "acme", OWN_STATE, [("error", b"access_denied"), ("error_description", b"\xff" * 5000)], OWN_COOKIE)
@searching(80)
async def test_no_answer_to_the_callback_but_the_providers_signs_anybody_in(
    site: Site, method: str, slug: str, state: bytes, pairs: Pairs, cookie: bytes
) -> None:
    own_state, own_cookie = await begun(site)
    sent = [(name, value.replace(OWN_STATE, own_state)) for name, value in [("state", state), *pairs]]
    answer = await send(site, "callback", method, slug, sent, without_breaks(cookie.replace(OWN_COOKIE, own_cookie)))
    await nothing_happened(site, answer)


@given(methods, slugs, st.lists(st.tuples(initiate_names, values), max_size=5), cookies)
@example("GET", "acme", [], b"")
@searching(80)
async def test_nothing_that_initiate_is_asked_leads_anywhere_but_to_the_provider(
    site: Site, method: str, slug: str, pairs: Pairs, cookie: bytes
) -> None:
    own_state, own_cookie = await begun(site)
    sent = [(name, value.replace(OWN_STATE, own_state)) for name, value in pairs]
    answer = await send(site, "initiate", method, slug, sent, without_breaks(cookie.replace(OWN_COOKIE, own_cookie)))
    await nothing_happened(site, answer)
    assert sum(len(kept) for kept in answer.all("set-cookie")) < 8192


@given(st.binary(max_size=120) | st.lists(hostile, max_size=4).map(b"&".join), cookies)
@searching(40)
async def test_a_query_that_is_none_is_answered_too(site: Site, query: bytes, cookie: bytes) -> None:
    """Bytes as they are, percent signs and separators included."""
    plain = without_breaks(query).replace(b" ", b"").replace(b"\t", b"")
    assert site.client.port is not None
    for where in ("initiate", "callback"):
        target = f"/api/sso/{where}/acme?".encode() + plain
        await nothing_happened(site, await raw_request(site.client.port, "GET", target, without_breaks(cookie)))
