"""Initiate: from a workspace's address to its provider, for everybody and with nothing written."""

from urllib.parse import parse_qs, quote, urlsplit

import pytest
from support.browser import Browser, restart_link, shown_reason
from support.site import BASE, Site

ADDRESS = "/api/sso/initiate/acme"


def asked(location: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query, strict_parsing=True).items()}


async def test_a08_a_start_asks_for_a_code_with_pkce_state_and_nonce(site: Site) -> None:
    browser = site.browser()
    location = await site.to_provider(browser)
    query = asked(location)
    assert location.startswith(site.provider.endpoint("authorize") + "?")
    assert query["response_type"] == "code"
    assert query["client_id"] == site.provider.client_id
    assert query["redirect_uri"] == f"{BASE}/api/sso/callback/acme"
    assert query["code_challenge_method"] == "S256"
    assert len(query["code_challenge"]) == 43
    assert query["scope"].split() == ["openid", "email", "profile"]
    assert set(query["state"]) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789,._-")
    assert len(query["nonce"]) >= 22


async def test_a_start_writes_nothing_to_the_database(site: Site) -> None:
    before = await site.world.snapshot()
    await site.to_provider(site.browser())
    assert await site.world.snapshot() == before
    assert await site.sign_ins() == []


async def test_a09_no_two_starts_share_anything_secret(site: Site) -> None:
    queries = [asked(await site.to_provider(site.browser())) for _ in range(20)]
    for name in ("state", "nonce", "code_challenge"):
        assert len({query[name] for query in queries}) == len(queries)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch"},
        {"Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"X-Moz": "prefetch"},
    ],
    ids=str,
)
async def test_what_is_fetched_ahead_changes_nothing(site: Site, headers: dict[str, str]) -> None:
    for slug in ("acme", "nobody"):
        answer = await site.browser().get(f"/api/sso/initiate/{slug}", headers=headers)
        assert answer.status == 204
        assert "Set-Cookie" not in answer.headers
        assert "Location" not in answer.headers
    assert await site.sign_ins() == []


async def test_a_look_by_head_changes_nothing_and_tells_nothing(site: Site) -> None:
    answers = [
        await site.browser().send("HEAD", f"/api/sso/initiate/{slug}", headers={}) for slug in ("acme", "nobody")
    ]
    assert [answer.status for answer in answers] == [204, 204]
    assert all("Set-Cookie" not in answer.headers for answer in answers)
    assert await site.sign_ins() == []


async def test_a15_a_posted_start_works_as_one_by_address(site: Site) -> None:
    fields = {"iss": site.provider.issuer, "login_hint": "ada@acme.example", "target_link_uri": "https://app.example/x"}
    foreign = {"Origin": site.provider.origin, "Sec-Fetch-Site": "cross-site"}
    browser = site.browser()
    answer = await browser.send("POST", ADDRESS, headers=foreign, data=fields)
    assert answer.status == 303
    assert asked(answer.headers["Location"])["login_hint"] == "ada@acme.example"
    done = await browser.get(await site.provider.log_in(answer.headers["Location"]))
    assert done.headers["Location"] == "https://app.example/x"


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "application/json"}, b'{"iss": "x"}', 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--", 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=" + b"x" * 20_000, 413),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"&".join([b"a=1"] * 100), 400),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"iss=a&iss=b", 400),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"iss=\xff", 400),
    ],
)
async def test_a15_a_posted_start_is_read_within_bounds(
    site: Site, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = await site.browser().send("POST", ADDRESS, headers=headers, data=body)
    assert answer.status == status
    assert "Location" not in answer.headers


async def test_a14_a_foreign_issuer_is_refused_and_logged(site: Site) -> None:
    for foreign in (f"{site.provider.issuer}/", "https://other.okta.com", "", site.provider.issuer.upper()):
        answer = await site.browser().get(f"{ADDRESS}?iss={quote(foreign, safe='')}")
        assert answer.status == 400
        assert await shown_reason(answer) == "issuer_mismatch"
        assert "Location" not in answer.headers
    assert await site.reasons() == ["issuer_mismatch"] * 4
    assert site.provider.requests("authorize") == []


@pytest.mark.parametrize(
    "query",
    ["iss={iss}&iss={iss}", "login_hint=a&login_hint=b", "target_link_uri=a&target_link_uri=b"],
)
async def test_a14_a_parameter_given_twice_is_refused(site: Site, query: str) -> None:
    answer = await site.browser().get(f"{ADDRESS}?{query.format(iss=quote(site.provider.issuer, safe=''))}")
    assert answer.status == 400
    assert "Location" not in answer.headers
    (row,) = await site.sign_ins()
    assert (row["reason"], row["detail"]) == ("provider_error", "request_malformed")


async def test_b14_other_parameters_are_ignored_and_a_start_is_no_callback(site: Site) -> None:
    location = await site.to_provider(site.browser(), f"{ADDRESS}?code=x&state=y&error=z&utm_source=mail&prompt=none")
    assert "prompt" not in asked(location)
    assert asked(location)["state"] != "y"


@pytest.mark.parametrize(
    "hint", ["a\r\nSet-Cookie: x=1", "a&prompt=none&state=evil", "x" * 5000, "\x00", "ada@acme.example#frag"]
)
async def test_a17_a_hostile_hint_is_encoded_or_dropped(site: Site, hint: str) -> None:
    location = await site.to_provider(site.browser(), f"{ADDRESS}?login_hint={quote(hint, safe='')}")
    query = parse_qs(urlsplit(location).query)
    assert query.get("login_hint", []) in ([], [hint])
    assert "prompt" not in query
    assert len(query["state"]) == 1
    assert len(location) < 2000


SLUGS = [
    "nobody",
    "off",
    "a%2Fb",
    "..%2Facme",
    "ACME",
    "acme%20",
    "m%C3%BCnchen",
    "x" * 1000,
    "%00",
    "acme%0d%0a",
    "-a-",
]


@pytest.mark.parametrize("slug", SLUGS, ids=lambda text: text[:12])
async def test_a18_whatever_is_not_available_gets_one_page(site: Site, slug: str) -> None:
    await site.connect("off", domain="off.example")
    await site.disable("off")
    reference = await site.browser().get("/api/sso/initiate/nobody")
    answer = await site.browser().get(f"/api/sso/initiate/{slug}")
    texts = [(await one.text()).replace(one.headers["X-Request-Id"], "ID") for one in (reference, answer)]
    assert answer.status == 404
    assert texts[0] == texts[1]
    assert set(answer.headers) == set(reference.headers)
    assert "Set-Cookie" not in answer.headers


async def test_a18_dots_that_lead_out_of_the_path_lead_nowhere(site: Site) -> None:
    """They are resolved before anything is a slug (RFC 3986 5.2.4), spelt out or encoded."""
    for slug in ("..", "%2e%2e", ".%2E"):
        answer = await site.browser().get(f"/api/sso/initiate/{slug}")
        assert answer.status == 404
        assert "Location" not in answer.headers


@pytest.mark.parametrize("address", [ADDRESS, "/api/sso/initiate/nobody", "/api/sso/callback/acme?code=x&state=y", ""])
async def test_a19_a_start_and_its_answer_are_never_framed_kept_or_told_on(site: Site, address: str) -> None:
    """Redirects included: the address at the provider holds the state, the callback's the code."""
    browser = site.browser()
    answer = await browser.get(address or await site.back(browser))
    assert answer.status == {ADDRESS: 302, "": 303}.get(address, answer.status)
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


async def test_a_refused_start_is_logged_with_its_request(site: Site) -> None:
    answer = await site.browser().get("/api/sso/initiate/nobody")
    (row,) = await site.sign_ins()
    assert (row["workspace"], row["reason"], row["method"]) == ("nobody", "workspace_unavailable", "sso")
    assert row["request_id"] == answer.headers["X-Request-Id"]
    assert answer.headers["X-Request-Id"] in await answer.text()


async def test_b08_the_redirect_uri_comes_from_settings_alone(site: Site) -> None:
    spoofed = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
        "Forwarded": "host=evil.example",
    }
    answer = await site.browser().get(ADDRESS, headers=spoofed)
    assert "evil" not in answer.headers["Location"]
    assert asked(answer.headers["Location"])["redirect_uri"] == f"{BASE}/api/sso/callback/acme"


async def test_a12_tabs_work_side_by_side_and_the_oldest_makes_room(site: Site) -> None:
    browser = site.browser()
    for _ in range(8):
        await site.to_provider(browser)
        site.world.clock.turn(seconds=1)
    assert len(browser.named("attempt")) == 5


async def test_a_provider_that_does_not_answer_is_said_to(site: Site) -> None:
    await site.connect("dead", domain="dead.example", issuer="http://127.0.0.1:1")
    answer = await site.browser().get("/api/sso/initiate/dead?target_link_uri=https://app.example/x")
    assert answer.status == 502
    assert await shown_reason(answer) == "provider_unreachable"
    assert "target_link_uri=https%3A%2F%2Fapp.example%2Fx" in restart_link(await answer.text())
    assert await site.reasons() == ["provider_unreachable"]


async def test_oidcc_client_test_discovery_issuer_mismatch(site: Site) -> None:
    """No authorization request reaches a provider whose discovery document names another issuer."""
    site.provider.metadata_changes = {"issuer": f"{site.provider.issuer}INVALID"}
    answer = await site.browser().get(ADDRESS)
    assert "Location" not in answer.headers
    assert await shown_reason(answer) == "issuer_mismatch"
    assert "For the Okta administrator" in await answer.text()


async def test_oidcc_client_test_3rd_party_init_login(site: Site) -> None:
    """A start by the provider, with its issuer, goes to the right authorization endpoint and then signs in."""
    browser: Browser = site.browser()
    answer = await site.sign_in(browser, f"{ADDRESS}?iss={quote(site.provider.issuer, safe='')}")
    assert answer.status == 303
    assert await site.reasons() == ["ok"]
