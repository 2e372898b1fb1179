"""A desk says how the last test went also when its row in the sign-in log was removed."""

from datetime import timedelta

from support.desks import DESK, owner, record, staged_id, tried, typed
from support.site import Site

from service.identity.housekeeping import Housekeeping


async def _forget(desk: Site) -> None:
    await desk.sign_ins()
    await desk.world.pool.execute("update identity.sign_ins set at = at - interval '8 days'")
    assert await Housekeeping(desk.world.pool, desk.world.clock, timedelta(days=7)).tidy_up()
    assert await desk.sign_ins() == []


async def test_the_last_test_of_credentials_outlives_its_row(desk: Site) -> None:
    """When, and how it ended; for whom it was, and its request, went with the row."""
    browser = await owner(desk)
    await record(desk, "CredentialsStaged", typed(desk, "never-right"))
    await tried(desk, browser, DESK, await staged_id(desk))
    await _forget(desk)
    page = await (await browser.get(DESK)).text()
    assert "It failed" in page
    assert "(<code>provider_misconfigured</code>)" in page
    desk.provider.accepted = frozenset({"never-right"})  # type: ignore[attr-defined]
    await tried(desk, browser, DESK, await staged_id(desk))
    page = await (await browser.get(DESK)).text()
    assert "It worked" in page
    assert "for ada@acme.example" in page
    await _forget(desk)
    page = await (await browser.get(DESK)).text()
    assert "It worked" in page
    assert "for ada@acme.example" not in page
