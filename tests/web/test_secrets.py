"""Nothing secret is told: not by logs, not by pages, not by headers, not by the sign-in log."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from aiohttp import ClientResponse, web
from support.browser import Browser
from support.site import Site


class Listening(Browser):
    """A browser that remembers all that it was shown."""

    heard: str = ""

    async def send(self, method: str, address: str, **rest: Any) -> ClientResponse:
        """Send, and remember the answer but for what is meant for the browser alone."""
        answer = await super().send(method, address, **rest)
        own = {"Set-Cookie", "Location"}
        headers = "\n".join(value for name, value in answer.headers.items() if name not in own)
        self.heard += f"{headers}\n{await answer.text()}"
        return answer


def values_of(address: str) -> set[str]:
    query = parse_qs(urlsplit(address).query)
    return {value for name in ("code", "state", "nonce", "code_challenge") for value in query.get(name, [])}


async def everything(site: Site, browser: Listening) -> str:
    rows = await site.sign_ins()
    events = await site.world.pool.fetch("select canonical from ledger.events")
    return "\n".join([browser.heard, site.log_text(), str(rows), str([tuple(row) for row in events])])


async def test_x02_x03_codes_states_and_cookies_are_in_no_log_and_on_no_page(site: Site) -> None:
    browser = Listening(site.client)
    secrets: set[str] = {site.provider.client_secret}
    away = await site.to_provider(browser)
    back = await site.provider.log_in(away)
    secrets |= values_of(away) | values_of(back) | set(browser.cookies.values())
    await browser.get(back)
    secrets |= set(browser.cookies.values())
    await browser.get(back)
    await browser.get("/account")
    stranger = Listening(site.client)
    await stranger.get(back)
    other = await site.back(browser)
    secrets |= values_of(other) | set(browser.cookies.values())
    await browser.get(f"{other}&code=planted-second-code")
    await browser.get("/link/planted-token-planted-token-planted-token-1")
    await browser.submit("/sign-in/switch", {"ticket": "planted-ticket"})
    told = await everything(site, browser) + stranger.heard
    assert len(secrets) >= 9
    assert not [secret for secret in secrets | {"planted"} if secret in told]


async def test_x01_x02_a_failing_exchange_tells_neither_secret_nor_code(site: Site) -> None:
    def echo(request: web.Request) -> web.Response:
        echoed = {"error": "invalid_client", "error_description": f"{request.headers['Authorization']} planted-echo"}
        return web.json_response(echoed, status=401)

    site.provider.hooks["token"] = echo
    browser = Listening(site.client)
    back = await site.back(browser)
    secrets = values_of(back) | {site.provider.client_secret, "planted-echo"}
    await browser.get(back)
    (request,) = site.provider.requests("token")
    secrets |= {request.headers["Authorization"].removeprefix("Basic "), request.form["code_verifier"]}
    told = await everything(site, browser)
    assert not [secret for secret in secrets if secret in told]
    assert "provider_misconfigured" in told


async def test_an_unforeseen_failure_is_logged_without_what_it_was_about(site: Site) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError

    site.secrets.open = fail  # type: ignore[method-assign, assignment]
    browser = Listening(site.client)
    back = await site.back(browser)
    answer = await browser.get(back)
    assert answer.status == 500
    failure = next(line for line in site.log_lines() if line["event"] == "request_failed")
    assert failure["request_id"] == answer.headers["X-Request-Id"]
    assert not [secret for secret in values_of(back) if secret in site.log_text() + browser.heard]


async def test_what_is_posted_is_not_told_either(site: Site) -> None:
    browser = Listening(site.client)
    body = urlencode({"id_token": "planted.id.token", "access_token": "planted-access", "state": "planted-state"})
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    await browser.send("POST", "/api/sso/callback/acme", headers=form, data=body)
    await browser.send("POST", "/api/sso/initiate/acme", headers=form, data="iss=planted-issuer&iss=twice")
    assert "planted" not in await everything(site, browser)
