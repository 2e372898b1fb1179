"""What floods cost whoever sends them, and what they cannot cost anybody else."""

import re

from support.database import Pool
from support.site import running_site

from service.limits import RateLimit
from service.web.flow import FLOW
from service.web.front.rate_limit import REJECTED_CODE

HERE = {"X-Forwarded-For": "198.51.100.1"}
BEHIND_PROXY = ("127.0.0.0/8",)


async def test_only_codes_that_leave_for_the_provider_count_for_a_workspace(pool: Pool) -> None:
    """Whoever is told to wait has lost nothing: the same address, asked for again after the wait, signs in."""
    async with running_site(pool, trusted_proxies=BEHIND_PROXY) as site:
        await site.connect()
        assert site.client.app is not None
        exchanges = site.client.app[FLOW].callback._exchanges = RateLimit(60, burst=1)
        for number in range(5):
            stray = {"X-Forwarded-For": f"198.51.100.{number}"}
            assert (await site.client.get("/api/sso/initiate/acme", headers=stray, allow_redirects=False)).status == 302
            await site.client.get("/api/sso/callback/acme?code=made-up&state=made-up", headers=stray)
        assert not exchanges.due("acme")
        first, second = site.browser(), site.browser()
        waiting = await site.back(second)
        assert (await site.sign_in(first)).status == 303
        refused = await second.get(waiting)
        assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
        exchanges._paid_off.clear()
        assert (await second.get(waiting)).status == 303
        assert [row["reason"] for row in await site.sign_ins() if row["reason"] == "rate_limited"] == []


async def test_a_code_that_the_provider_rejects_costs_as_much_as_many_requests(pool: Pool) -> None:
    async with running_site(pool, rate_per_minute=REJECTED_CODE + 1, trusted_proxies=BEHIND_PROXY) as site:
        await site.connect()
        browser = site.browser()

        async def ask(address: str, sender: str = "198.51.100.1") -> int:
            return (await browser.send("GET", address, headers={"X-Forwarded-For": sender})).status

        begun = await browser.send("GET", "/api/sso/initiate/acme", headers=HERE)
        found = re.search(r"[?&]state=([^&]+)", begun.headers["Location"])
        assert found is not None
        assert await ask(f"/api/sso/callback/acme?code=made-up&state={found[1]}") == 400
        assert await ask("/api/sso/initiate/acme") == 429
        assert await ask("/api/sso/initiate/acme", "198.51.100.2") == 302
