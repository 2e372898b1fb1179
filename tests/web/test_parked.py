"""Somebody who comes to a workspace with an event that cannot be read: told so by a page, and logged; others go on."""

from support.browser import shown_reason
from support.database import Pool
from support.newer import paint
from support.site import Site

from events.store import EventStore
from projections.projector import Projector
from projections.timeline import Timeline
from service.ops import parked_numbers, parked_probe


async def test_a_parked_workspace_says_so_to_whoever_starts_and_whoever_comes_back(site: Site) -> None:
    """Nobody is let in by settings that cannot be read; the page says whose turn it is."""
    await site.connect("beta", domain="beta.example")
    browser = site.browser()
    callback = await site.back(browser)
    await paint(EventStore(site.world.pool), await site.world.workspace())
    for address in (callback, "/api/sso/initiate/acme"):
        answer = await browser.get(address)
        text = await answer.text()
        assert (answer.status, await shown_reason(answer)) == (503, "workspace_unavailable")
        assert "This workspace is parked for the moment" in text
        assert answer.headers["X-Request-Id"] in text
    rows = await site.sign_ins()
    assert [(row["reason"], row["detail"]) for row in rows] == [("workspace_unavailable", "read_model_unusable")] * 2
    await site.to_provider(site.browser(), "/api/sso/initiate/beta")


async def test_readiness_and_metrics_name_what_is_parked_and_people_still_sign_in(pool: Pool, site: Site) -> None:
    """An instance stays ready: whoever is not parked is served by it."""
    assert await parked_probe(pool)() == {"ok": True, "optional": True}
    assert b'keyledger_parked_workspaces{projection="timeline_v1"} 0.0' in await parked_numbers(pool)
    await paint(EventStore(pool), await site.world.workspace())

    async def at_once(_: float) -> None:
        return None

    await Projector(EventStore(pool), Timeline(), sleep=at_once).catch_up()
    told = await parked_probe(pool)()
    assert (told["ok"], told["optional"], told["parked"]) == (False, True, ["acme"])
    assert b'keyledger_parked_workspaces{projection="timeline_v1"} 1.0' in await parked_numbers(pool)
