"""What stands in front of every handler, concern by concern, on an application that does little else."""

import io
import json
from collections.abc import Awaitable, Callable
from ipaddress import ip_network
from typing import Any

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestClient
from aiohttp_session import AbstractStorage, Session
from pytest_aiohttp.plugin import AiohttpClient

from service.address_rate import SITE_FACTOR
from service.keys import CLIENT_IP, REQUEST_ID
from service.logs import RequestLog, configure_logging, redact
from service.metrics import Metrics
from service.settings import Settings
from service.web.front.client_ip import client_address
from service.web.front.door import front_door
from service.web.front.rate_limit import SIGN_IN_LIMITS, SignInLimits
from service.web.headers import SecurityHeaders
from service.web.pages import Pages
from service.web.refusal import PageRefusal

ORIGIN = "https://id.example"
NO_SESSIONS: web.AppKey[AbstractStorage] = web.AppKey("no_sessions")
Client = TestClient[web.Request, web.Application]
Make = Callable[..., Awaitable[Client]]


class NoSessions(AbstractStorage):
    """A storage that must not be asked: no handler here wants a session."""

    async def load_session(self, request: web.Request) -> Session:
        """Fail."""
        raise AssertionError(request)

    async def save_session(self, request: web.Request, response: web.StreamResponse, session: Session) -> None:
        """Fail."""
        raise AssertionError(request, response, session)


class Logged:
    """What the service logs while a test runs."""

    def __init__(self) -> None:
        self.stream = io.BytesIO()
        self.writer = configure_logging(Settings(), self.stream)

    @property
    def text(self) -> str:
        """All that was written."""
        self.writer.flush()
        return self.stream.getvalue().decode()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines, read."""
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def logged() -> Logged:
    return Logged()


@pytest.fixture
def make(aiohttp_client: AiohttpClient, logged: Logged) -> Make:
    async def make(metrics: Metrics | None = None, *, rate: int = 1000, trusted: str = "127.0.0.0/8") -> Client:
        settings = Settings(
            base_url=ORIGIN,
            support_contact="Write to help@id.example.",
            trusted_proxies=(ip_network(trusted),),
        )
        pages = Pages(settings, SecurityHeaders(settings, frozenset({"https://app.example"})))
        lines = RequestLog(logged.writer)
        app = web.Application(middlewares=[front_door(settings, metrics or Metrics(), lines, pages, NO_SESSIONS)])
        app[SIGN_IN_LIMITS] = SignInLimits(rate)
        app[NO_SESSIONS] = NoSessions(cookie_name="none")

        async def tell(request: web.Request) -> web.Response:
            return web.json_response({"id": request[REQUEST_ID], "ip": request[CLIENT_IP]})

        async def fail(_request: web.Request) -> web.Response:
            message = "the database said secret-of-acme"
            raise RuntimeError(message)

        async def leave(_request: web.Request) -> web.Response:
            raise web.HTTPSeeOther("/elsewhere")

        for path in ("/tell", "/api/sso/initiate/{slug}", "/api/sso/callback/{slug}", "/api/v1/things"):
            app.router.add_route("*", path, tell)
        app.router.add_get("/fail", fail)
        app.router.add_get("/api/v1/fail", fail)
        app.router.add_get("/leave", leave)
        return await aiohttp_client(app)

    return make


async def test_every_answer_carries_an_id_of_our_own_making(make: Make) -> None:
    client = await make()
    answer = await client.get("/tell", headers={"X-Request-Id": "chosen-by-the-client"})
    told = await answer.json()
    assert told["id"] == answer.headers["X-Request-Id"]
    assert told["id"].startswith("req_")
    assert (await client.get("/tell")).headers["X-Request-Id"] != told["id"]


@pytest.mark.parametrize("path", ["/tell", "/fail", "/nothing", "/leave", "/api/v1/nothing", "/api/sso/initiate/a"])
async def test_a19_nothing_is_framed_sniffed_cached_or_told_to_others(make: Make, path: str) -> None:
    answer = await (await make()).get(path, allow_redirects=False)
    headers = answer.headers
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "Python" not in headers["Server"]
    assert len(headers.getall("Content-Security-Policy")) == 1


def test_browsers_are_held_to_https_in_production_only() -> None:
    assert "Strict-Transport-Security" not in SecurityHeaders(Settings(base_url=ORIGIN), frozenset()).dynamic
    production = Settings.model_construct(env="production", base_url=ORIGIN, allow_loopback_providers=False)
    assert "max-age=" in SecurityHeaders(production, frozenset()).dynamic["Strict-Transport-Security"]


async def test_what_nobody_foresaw_is_told_as_a_request_id_and_no_more(make: Make, logged: Logged) -> None:
    client = await make()
    answer = await client.get("/fail")
    text = await answer.text()
    assert answer.status == 500
    assert answer.headers["X-Request-Id"] in text
    assert "RuntimeError" not in text
    assert "secret-of-acme" not in text
    problem = await (await client.get("/api/v1/fail")).json()
    assert problem["code"] == "internal"
    assert problem["status"] == 500
    failures = [line for line in logged.lines if line["event"] == "request_failed"]
    assert failures[0]["request_id"] == answer.headers["X-Request-Id"]


async def test_people_get_pages_and_programs_get_problem_documents(make: Make) -> None:
    client = await make()
    page, problem = await client.get("/nothing"), await client.get("/api/v1/nothing")
    assert (page.status, page.content_type) == (404, "text/html")
    assert (problem.status, problem.content_type) == (404, "application/problem+json")
    assert (await problem.json())["code"] == "not_found"
    assert "help@id.example" in await page.text()


async def test_a_raised_redirect_stays_one(make: Make) -> None:
    answer = await (await make()).get("/leave", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/elsewhere")


SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (SAME, 200),
        (SAME | {"Origin": ORIGIN}, 200),
        (SAME | {"Origin": "null"}, 200),
        ({"Origin": ORIGIN}, 200),
        ({}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://id.example"}, 403),
        ({"Origin": "https://id.example.evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "https://app.example"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN}, 403),
        (SAME | {"Origin": "https://evil.example"}, 403),
    ],
    ids=lambda value: repr(value)[:60],
)
async def test_unsafe_methods_need_to_come_from_our_own_pages(make: Make, headers: dict[str, str], status: int) -> None:
    client = await make()
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert (await client.request(method, "/tell", headers=headers)).status == status


async def test_reading_and_the_addresses_for_providers_and_tokens_are_open_to_all_origins(make: Make) -> None:
    client = await make()
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://acme.okta.com"}
    assert (await client.get("/tell", headers=foreign)).status == 200
    for path in ("/api/sso/callback/acme", "/api/sso/initiate/acme", "/api/v1/things"):
        assert (await client.post(path, headers=foreign)).status == 200


TRUSTED = [ip_network("10.0.0.0/8"), ip_network("127.0.0.1/32"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3"], "10.0.0.3"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("fd00::1", ["[2001:db8::7]:443"], "2001:db8::7"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["rubbish"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, rubbish"], "10.0.0.1"),
        ("10.0.0.1", [", ".join(["10.0.0.9"] * 5000)], "10.0.0.9"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_the_client_is_the_first_address_from_the_right_that_is_no_trusted_proxy(
    peer: str, forwarded: list[str], client: str
) -> None:
    assert client_address(peer, forwarded, TRUSTED) == client


async def test_b08_forwarding_headers_of_strangers_are_not_believed(make: Make) -> None:
    client = await make(trusted="192.0.2.0/24")
    told = await (await client.get("/tell", headers={"X-Forwarded-For": "198.51.100.1"})).json()
    assert told["ip"] == "127.0.0.1"


async def test_one_address_may_not_start_sign_ins_without_end(make: Make) -> None:
    metrics = Metrics()
    client = await make(metrics, rate=3)

    async def ask(address: str, path: str = "/api/sso/initiate/acme") -> tuple[int, str | None]:
        answer = await client.get(path, headers={"X-Forwarded-For": address})
        return answer.status, answer.headers.get("Retry-After")

    assert [await ask("198.51.100.1") for _ in range(4)] == [(200, None)] * 3 + [(429, "20")]
    assert (await ask("198.51.100.1", "/api/sso/callback/acme"))[0] == 429
    assert (await ask("198.51.100.2"))[0] == 200
    assert (await ask("198.51.100.1", "/tell"))[0] == 200
    assert b'keyledger_limited_total{route="/api/sso/initiate/{slug}"} 1.0' in metrics.exposition()
    page = await client.get("/api/sso/initiate/acme", headers={"X-Forwarded-For": "198.51.100.1"})
    assert "rate_limited" in await page.text()


async def test_any_number_of_addresses_cannot_keep_another_out_of_a_workspace(make: Make) -> None:
    """Requests that show nothing count for whoever sends them, and never for a workspace."""
    client = await make(rate=1)

    async def ask(number: int) -> int:
        address = f"198.51.100.{number}"
        answer = await client.get("/api/sso/initiate/acme", headers={"X-Forwarded-For": address})
        return answer.status

    assert [await ask(number) for number in range(60)] == [200] * 60


async def test_a_whole_ipv6_site_is_counted_together_at_a_higher_rate(make: Make) -> None:
    """Whoever has a /48 has 65,536 subnets, and no use for one address of each."""
    client = await make(rate=2)

    async def ask(subnet: int, site: str = "2001:db8:1") -> int:
        headers = {"X-Forwarded-For": f"{site}:{subnet:x}::1"}
        return (await client.get("/api/sso/initiate/acme", headers=headers)).status

    most = 2 * SITE_FACTOR
    assert [await ask(subnet) for subnet in range(most + 1)] == [200] * most + [429]
    assert await ask(0, "2001:db8:2") == 200


def test_an_ipv4_address_written_as_ipv6_is_counted_by_itself() -> None:
    limits = SignInLimits(1)
    limits.check("::ffff:198.51.100.1")
    limits.check("::ffff:198.51.100.2")
    with pytest.raises(PageRefusal):
        limits.check("198.51.100.1")
    for _ in range(3):
        limits.check("::ffff:127.0.0.1")


@pytest.mark.parametrize(
    "addresses",
    [("2001:db8:1:2::1", "2001:db8:1:2::2"), ("2001:db8::1", "2001:db8::2"), ("2001:db8::1", "2001:db8::a:b:c:d")],
)
async def test_an_ipv6_caller_is_counted_by_its_network(make: Make, addresses: tuple[str, str]) -> None:
    """Whoever has one address has the whole /64; how its zeros are written makes no second one of it."""
    client = await make(rate=1)
    statuses = [
        (await client.get(f"/api/sso/initiate/s{n}", headers={"X-Forwarded-For": address})).status
        for n, address in enumerate(addresses)
    ]
    assert statuses == [200, 429]
    assert (await client.get("/api/sso/initiate/s3", headers={"X-Forwarded-For": "2001:db8:0:1::1"})).status == 200


async def test_requests_from_this_machine_are_not_limited(make: Make) -> None:
    """A proxy that the settings do not name looks like this machine; everybody behind it would be locked out."""
    client = await make(rate=1)
    assert [(await client.get("/api/sso/initiate/acme")).status for _ in range(5)] == [200] * 5


async def test_x03_the_log_holds_route_templates_and_never_a_query(make: Make, logged: Logged) -> None:
    client = await make()
    await client.get("/api/sso/callback/acme?code=code-of-ada&state=state-of-ada")
    await client.get("/link/token-of-ada")
    await client.get("/api/sso/callback/%3Cscript%3E")
    requests = [line for line in logged.lines if line["event"] == "request"]
    assert [line["route"] for line in requests] == ["/api/sso/callback/{slug}", "unmatched", "/api/sso/callback/{slug}"]
    assert [line["workspace"] for line in requests] == ["acme", None, None]
    for secret in ("code-of-ada", "state-of-ada", "token-of-ada", "<script>"):
        assert secret not in logged.text
    assert all(line["request_id"].startswith("req_") for line in requests)


def test_values_under_names_that_bear_secrets_are_not_logged() -> None:
    nested = {"id_token": "c", "x": 1}
    event = {"client_secret": "a", "Authorization": "b", "nested": nested, "status": 200, "code": "d"}
    assert redact(None, "info", event) == {
        "client_secret": "[redacted]",
        "Authorization": "[redacted]",
        "nested": {"id_token": "[redacted]", "x": 1},
        "status": 200,
        "code": "[redacted]",
    }


def test_a_value_that_is_not_json_is_logged_as_its_type_alone(logged: Logged) -> None:
    class Holder:
        def __repr__(self) -> str:
            return "secret-of-acme"

    structlog.get_logger("x").warning("told", holder=Holder())
    (line,) = logged.lines
    assert line["holder"] == "<Holder>"
    assert line["level"] == "warning"


def test_requests_are_measured_by_route_template() -> None:
    metrics = Metrics()
    metrics.answered("/api/sso/initiate/{slug}", 302, 0.002)
    metrics.signed_in("ok")
    text = metrics.exposition().decode()
    assert 'keyledger_request_seconds_count{route="/api/sso/initiate/{slug}",status="302"} 1.0' in text
    assert 'keyledger_sign_ins_total{reason="ok"} 1.0' in text
